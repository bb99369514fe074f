import pytest
from guestagent.protocol.commands import Ping
from tests.integration.guestagent.bench import Guest
pytestmark = pytest.mark.integration
def test_smoke(prepared: Guest) -> None:
    import time, statistics, pathlib
    prepared.await_status("healthy")
    ts=[]
    for i in range(100):
        t=time.perf_counter(); r=prepared.outcome(prepared.send(Ping(), reply=True)); ts.append(time.perf_counter()-t); 
    print(r, statistics.median(ts)*1000)
    print(pathlib.Path(f"/proc/{prepared.agent.pid}/status").read_text())
    t=time.time(); print(prepared.end(), time.time()-t)
    print(prepared.log_path.read_text())
