import os

from guestagent import vitals


def test_vitals_of_a_process() -> None:
    mine = vitals.vitals_of(os.getpid())
    assert mine is not None
    assert mine.pid == os.getpid()
    assert mine.threads >= 1
    assert mine.vm_peak_kb >= mine.vm_size_kb > mine.vm_rss_kb > 0
    assert mine.open_files


def test_of_a_process_that_is_gone() -> None:
    assert vitals.vitals_of(2**22 + 1) is None


def test_diagnostics_without_a_server() -> None:
    found = vitals.diagnostics("1.2", None, None)
    assert found.server is None
    assert found.agent is not None
