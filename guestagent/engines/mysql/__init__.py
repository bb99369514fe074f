"""MySQL, on the code it shares with MariaDB.

Not run against a real MySQL server: no Debian package has one. What differs from MariaDB (password hashes,
initialisation, two settings) is covered by unit tests of those differences; the shared part by MariaDB's.
"""
