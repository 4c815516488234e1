// Keys of a cluster: one certificate authority, a certificate per host (EC P-256, CN = the host's
// name).
import { X509Certificate as NodeCertificate, webcrypto } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3650;
const HOST_DAYS = 1825;
/** Clocks of the hosts may differ. */
const EARLIER_DAYS = 1;

/** PEM texts. */
export interface KeyPair {
  cert: string;
  key: string;
}

type CryptoKeyPair = webcrypto.CryptoKeyPair;

type X509 = typeof import('@peculiar/x509');

/** Loaded when keys are made, not at every start of the program. */
async function loadX509(): Promise<X509> {
  // x509 asks for it by its side effect
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(webcrypto as unknown as Crypto);
  return x509;
}

async function newKeys(): Promise<CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function privatePem(x509: X509, key: webcrypto.CryptoKey): Promise<string> {
  const bytes = await webcrypto.subtle.exportKey('pkcs8', key);
  return `${x509.PemConverter.encode(bytes, 'PRIVATE KEY')}\n`;
}

function serialNumber(): string {
  // positive and without leading zero byte (RFC 5280 section 4.1.2.2)
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

function validity(days: number): { notBefore: Date; notAfter: Date } {
  const nowMs = Date.now();
  return {
    notBefore: new Date(nowMs - EARLIER_DAYS * DAY_MS),
    notAfter: new Date(nowMs + days * DAY_MS),
  };
}

/** A new certificate authority for one cluster. */
export async function makeAuthority(): Promise<KeyPair> {
  const x509 = await loadX509();
  const keys = await newKeys();
  const usage = x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: ['baton cluster CA'] }],
    ...validity(AUTHORITY_DAYS),
    keys: keys as unknown as globalThis.CryptoKeyPair,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(usage, true),
      await x509.SubjectKeyIdentifierExtension.create(
        keys.publicKey as unknown as globalThis.CryptoKey,
      ),
    ],
  });
  return { cert: `${certificate.toString('pem')}\n`, key: await privatePem(x509, keys.privateKey) };
}

/** A certificate for the host `name`, good for both ends of a control channel. */
export async function makeHostKeys(authority: KeyPair, name: string): Promise<KeyPair> {
  const x509 = await loadX509();
  const keys = await newKeys();
  const issuer = new x509.X509Certificate(authority.cert);
  const der = x509.PemConverter.decodeFirst(authority.key);
  const signingKey = await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
  const publicKey = keys.publicKey as unknown as globalThis.CryptoKey;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [name] }],
    issuer: issuer.subject,
    ...validity(HOST_DAYS),
    publicKey,
    signingKey: signingKey as unknown as globalThis.CryptoKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  return { cert: `${certificate.toString('pem')}\n`, key: await privatePem(x509, keys.privateKey) };
}

export const HOST_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

function loadAuthority(folder: string): KeyPair | undefined {
  const files = [join(folder, 'ca.pem'), join(folder, 'ca.key')] as const;
  const [cert, key] = files.map((file) => existsSync(file));
  if (!cert && !key) return undefined;
  if (!cert || !key)
    throw new Error(`${files[cert ? 1 : 0]} is missing beside ${files[cert ? 0 : 1]}`);
  const pem = readFileSync(files[0], 'utf8');
  if (!new NodeCertificate(pem).ca) throw new Error(`${files[0]} is not a certificate authority`);
  return { cert: pem, key: readFileSync(files[1], 'utf8') };
}

/**
 * Writes ca.pem and ca.key (unless both are there: then they sign) and NAME.pem and NAME.key for
 * each name into the folder, mode 0600. Overwrites nothing: throws before writing anything. Returns
 * the files written.
 */
export async function writeKeys(folder: string, names: readonly string[]): Promise<string[]> {
  for (const name of names) {
    if (!HOST_NAME.test(name) || name === 'ca')
      throw new Error(`"${name}" can not be a host's name`);
  }
  if (new Set(names).size !== names.length) throw new Error('a host is named twice');
  const present = names
    .flatMap((name) => [join(folder, `${name}.pem`), join(folder, `${name}.key`)])
    .find((file) => existsSync(file));
  if (present !== undefined) throw new Error(`${present} exists already: nothing was written`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const written: string[] = [];
  const write = (name: string, pair: KeyPair): void => {
    for (const [suffix, text] of [
      ['key', pair.key],
      ['pem', pair.cert],
    ] as const) {
      const file = join(folder, `${name}.${suffix}`);
      writeFileSync(file, text, { mode: 0o600, flag: 'wx' });
      written.push(file);
    }
  };
  let authority = loadAuthority(folder);
  if (!authority) {
    authority = await makeAuthority();
    write('ca', authority);
  }
  for (const name of names) write(name, await makeHostKeys(authority, name));
  return written;
}
