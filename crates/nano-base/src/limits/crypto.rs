//! Those of cryptography that an app calls: a native call cannot be stopped, so what it will do is known before it begins.

/// The tables of one scrypt of `node:crypto`: 128 * N * r, as Node has it by default.
pub const SCRYPT_BYTES_MAX: u64 = 32 << 20;
/// N * r * p of any scrypt: about a second of a helper, which cannot be stopped in it.
pub const SCRYPT_WORK_MAX: u64 = 1 << 22;
/// N * r * p of a scrypt that the caller waits for: some 50 ms of a turn, in which it cannot be stopped.
pub const SCRYPT_WORK_NOW_MAX: u64 = 1 << 18;
/// Blocks of 64 bytes that SHA-256 takes in around that mixing, of any scrypt: a fraction of a second. Its app chooses how long its salt and
/// its output are.
pub const SCRYPT_BLOCKS_MAX: u64 = 1 << 20;
/// The same of a scrypt that the caller waits for.
pub const SCRYPT_BLOCKS_NOW_MAX: u64 = 1 << 16;
/// The longest output of a derivation: HKDF, PBKDF2, scrypt.
pub const DERIVED_BYTES_MAX: usize = 1 << 20;
/// The longest info of an HKDF of WebCrypto, which is hashed up to 255 times in one go.
pub const HKDF_INFO_BYTES_MAX: usize = 64 << 10;
/// The longest data that Ed25519 signs or verifies while its caller waits, some 40 ms: it reads all of it twice, and cannot be stopped in it.
pub const ED25519_NOW_BYTES_MAX: usize = 8 << 20;
