# Sourced: the virtual environment below target/ in which the binding is built and tested, with what requirements-test.txt names.
../../scripts/need.sh cargo cc python
root=$(cd ../.. && pwd)
venv=$root/target/python
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "bindings/python needs Python 3.10 or later" >&2; exit 1; }
stamp=$venv/requirements-$("$python" -c 'import sys; print(*sys.version_info[:3], sep=".")').txt
if ! cmp -s requirements-test.txt "$stamp"; then
  rm -rf "$venv"
  "$python" -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r requirements-test.txt
  cp requirements-test.txt "$stamp"
fi
export PATH=$venv/bin:$PATH VIRTUAL_ENV=$venv
