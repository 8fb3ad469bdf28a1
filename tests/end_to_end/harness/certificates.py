"""Certificates for tests, by the openssl program."""

import os
import shutil
import subprocess
import tempfile


def read(path):
    with open(path, "rb") as file:
        return file.read()


class Certificate:
    """The paths of a certificate and its key, in PEM."""

    def __init__(self, cert_file, key_file):
        self.cert_file = cert_file
        self.key_file = key_file

    def flags(self):
        """Those by which larderd, and larder, too, use it."""
        return [f"--tls_cert_file={self.cert_file}", f"--tls_key_file={self.key_file}"]

    def replace(self, other):
        """Puts another certificate in the place of this one, file by file."""
        for path, source in ((self.key_file, other.key_file), (self.cert_file, other.cert_file)):
            shutil.copy(source, path + ".new")
            os.rename(path + ".new", path)


class Authority:
    """Signs certificates for 127.0.0.1 and node.example; its files go with the `with`."""

    def __init__(self, name="authority"):
        self.folder = tempfile.mkdtemp()
        self._key_file = os.path.join(self.folder, "authority.key")
        self.ca_file = os.path.join(self.folder, "authority.pem")
        self._openssl(self.ca_file, self._key_file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def _openssl(self, cert_file, key_file, name, *options):
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                   "-nodes", "-subj", f"/CN={name}", "-days", "1", "-out", cert_file, "-keyout", key_file]
        result = subprocess.run([*command, *options], capture_output=True, text=True)
        if result.returncode != 0:
            raise AssertionError(f"openssl: {result.stderr}")

    def issue(self, name):
        """A certificate that a node and a client can use."""
        certificate = Certificate(os.path.join(self.folder, f"{name}.pem"),
                                  os.path.join(self.folder, f"{name}.key"))
        self._openssl(certificate.cert_file, certificate.key_file, name,
                      "-CA", self.ca_file, "-CAkey", self._key_file,
                      "-addext", "basicConstraints=critical,CA:FALSE",
                      "-addext", "subjectAltName=IP:127.0.0.1,DNS:node.example")
        return certificate
