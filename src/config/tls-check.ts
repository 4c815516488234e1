// The files of `tls:` before anything is started: present, belonging together, this host's.
import { X509Certificate, createPrivateKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Config } from './config.ts';
import type { Problem } from './problem.ts';

/** The subject's CN; undefined when there is none or several. */
export function commonName(certificate: X509Certificate): string | undefined {
  const names = certificate.subject.split('\n').filter((part) => part.startsWith('CN='));
  return names.length === 1 ? names[0]?.slice(3) : undefined;
}

/** The certificates of a PEM file in order. Throws when one of them is damaged. */
export function certificatesOf(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

function load<Thing>(
  problems: Problem[],
  key: string,
  file: string,
  read: (text: string) => Thing | undefined,
): Thing | undefined {
  const path = ['tls', key];
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const why = missing ? `no file ${file} (baton keygen makes it)` : `an unreadable file ${file}`;
    problems.push({ path, text: `expected a PEM file, found ${why}` });
    return undefined;
  }
  try {
    const thing = read(text);
    if (thing !== undefined) return thing;
  } catch {
    // said below
  }
  const wanted = key === 'key' ? 'a private key' : 'a certificate';
  problems.push({ path, text: `expected ${wanted} in PEM, found something else in ${file}` });
  return undefined;
}

function checkCertificate(
  config: Config,
  authorities: X509Certificate[] | undefined,
  own: X509Certificate,
  key: KeyObject | undefined,
): Problem[] {
  const problems: Problem[] = [];
  const name = commonName(own);
  const path = ['tls', 'cert'];
  if (name !== config.name) {
    const text = `expected a certificate of "${config.name}" (its CN), found one of "${name}"`;
    problems.push({ path, text });
  }
  if (Date.parse(own.validTo) < Date.now()) {
    problems.push({ path, text: `the certificate expired on ${own.validTo}` });
  }
  if (key && !own.checkPrivateKey(key)) {
    problems.push({ path: ['tls', 'key'], text: 'the key does not belong to the certificate' });
  }
  if (authorities && !authorities.some((authority) => own.verify(authority.publicKey))) {
    problems.push({ path, text: 'the certificate was not signed by the CA of "ca"' });
  }
  return problems;
}

/** Problems of the files that `tls:` names; empty without `tls:`. */
export function checkTls(config: Config): Problem[] {
  if (!config.tls) return [];
  const problems: Problem[] = [];
  const authorities = load(problems, 'ca', config.tls.ca, (text) => {
    const found = certificatesOf(text);
    return found.length > 0 ? found : undefined;
  });
  const own = load(problems, 'cert', config.tls.cert, (text) => certificatesOf(text)[0]);
  const key = load(problems, 'key', config.tls.key, (text) => createPrivateKey(text));
  if (own) problems.push(...checkCertificate(config, authorities, own, key));
  return problems;
}
