//! Certificates for tests, written byte by byte (X.509 in DER, ECDSA on P-256), so that no test depends on a tool.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, SupportedProtocolVersion};

/// Somebody who signs.
pub struct Authority {
    name: &'static str,
    key: EcdsaKeyPair,
    pub certificate: Vec<u8>,
}

/// What a server has.
pub struct Identity {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Authority {
    pub fn new(name: &'static str) -> Self {
        let (key, _) = key_pair();
        // basicConstraints: a CA. keyUsage: signs certificates.
        let constraints = extension(&[0x55, 0x1d, 0x13], &sequence(&[&[1, 1, 0xff]]));
        let usage = extension(&[0x55, 0x1d, 0x0f], &[3, 2, 2, 4]);
        let certificate = certificate(name, &key, name, &key, 2099, &[constraints, usage]);
        Self { name, key, certificate }
    }

    /// A certificate for names and addresses, until a year.
    pub fn certify(&self, names: &[&str], addresses: &[&[u8]], until_year: u32) -> Identity {
        let (key, pkcs8) = key_pair();
        let mut alternatives: Vec<Vec<u8>> = names.iter().map(|name| tagged(0x82, name.as_bytes())).collect();
        alternatives.extend(addresses.iter().map(|address| tagged(0x87, address)));
        let alternatives: Vec<&[u8]> = alternatives.iter().map(Vec::as_slice).collect();
        let extension = extension(&[0x55, 0x1d, 0x11], &sequence(&alternatives));
        Identity { certificate: certificate("server", &key, self.name, &self.key, until_year, &[extension]), key: pkcs8 }
    }

    /// The authority in PEM, in a file that goes when this does.
    pub fn file(&self) -> PemFile {
        let mut body = String::new();
        let text = base64(&self.certificate);
        for line in text.as_bytes().chunks(64) {
            body += &format!("{}\n", std::str::from_utf8(line).unwrap());
        }
        let path = std::env::temp_dir().join(format!("nano-net-{}-{:p}.pem", std::process::id(), self.certificate.as_ptr()));
        std::fs::write(&path, format!("-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n")).unwrap();
        PemFile(path)
    }
}

pub struct PemFile(pub std::path::PathBuf);

impl Drop for PemFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Identity {
    /// A server that speaks these versions.
    pub fn config(&self, versions: &[&'static SupportedProtocolVersion]) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap().with_no_client_auth();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        let mut config = builder.with_single_cert(vec![CertificateDer::from(self.certificate.clone())], key).unwrap();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

fn base64(bytes: &[u8]) -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let value = three.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)) << (8 * (3 - three.len()));
        let letter = |n: usize| if n <= three.len() { char::from(letters[value >> (18 - 6 * n) & 63]) } else { '=' };
        text.extend((0..4).map(letter));
    }
    text
}

fn key_pair() -> (EcdsaKeyPair, Vec<u8>) {
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new()).unwrap();
    (EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref()).unwrap(), pkcs8.as_ref().to_vec())
}

fn certificate(subject: &str, key: &EcdsaKeyPair, issuer: &str, signer: &EcdsaKeyPair, until_year: u32, extensions: &[Vec<u8>]) -> Vec<u8> {
    // ecdsa-with-SHA256; id-ecPublicKey on prime256v1.
    let algorithm = sequence(&[&tagged(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2])]);
    let key_kind = sequence(&[&tagged(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]), &tagged(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7])]);
    let name = |text: &str| sequence(&[&tagged(0x31, &sequence(&[&tagged(6, &[0x55, 4, 3]), &tagged(0x0c, text.as_bytes())]))]);
    let time = |year: u32| tagged(0x18, format!("{year}0101000000Z").as_bytes());
    let extensions: Vec<&[u8]> = extensions.iter().map(Vec::as_slice).collect();
    let body = sequence(&[
        &tagged(0xa0, &[2, 1, 2]),
        &tagged(2, &[1 + (subject.len() as u8 & 0x3f)]),
        &algorithm,
        &name(issuer),
        &sequence(&[&time(2020), &time(until_year)]),
        &name(subject),
        &sequence(&[&key_kind, &bits(key.public_key().as_ref())]),
        &tagged(0xa3, &sequence(&extensions)),
    ]);
    let signature = signer.sign(&SystemRandom::new(), &body).unwrap();
    sequence(&[&body, &algorithm, &bits(signature.as_ref())])
}

fn extension(id: &[u8], value: &[u8]) -> Vec<u8> {
    sequence(&[&tagged(6, id), &[1, 1, 0xff], &tagged(4, value)])
}

fn bits(bytes: &[u8]) -> Vec<u8> {
    tagged(3, &[&[0], bytes].concat())
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tagged(0x30, &parts.concat())
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head: Vec<u8> = match length {
        0..=0x7f => vec![tag, length as u8],
        0x80..=0xff => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [head, content.to_vec()].concat()
}
