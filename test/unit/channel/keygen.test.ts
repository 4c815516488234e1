import { X509Certificate, createPrivateKey } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { writeKeys } from '../../../src/channel/keygen.ts';

const test = suite<{ folder: string }>('keygen', { folder: '' });
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'baton-keys-'));
});
test.after.each((context) => rmSync(context.folder, { recursive: true }));

async function refusal(folder: string, names: string[]): Promise<string> {
  return writeKeys(folder, names).then(
    () => '',
    (error: Error) => error.message,
  );
}

test('keygen: a CA and a certificate per host that it signed, readable by the owner only', async ({
  folder,
}) => {
  const written = await writeKeys(folder, ['switch', 'server1']);
  assert.is(written.length, 6);
  const authority = new X509Certificate(readFileSync(join(folder, 'ca.pem')));
  assert.ok(authority.ca);
  const names = [];
  for (const name of ['switch', 'server1']) {
    const certificate = new X509Certificate(readFileSync(join(folder, `${name}.pem`)));
    assert.ok(certificate.verify(authority.publicKey) && certificate.checkIssued(authority));
    assert.ok(
      certificate.checkPrivateKey(createPrivateKey(readFileSync(join(folder, `${name}.key`)))),
    );
    assert.not(certificate.ca);
    names.push(certificate.subject);
  }
  assert.equal(names, ['CN=switch', 'CN=server1']);
  for (const file of written) assert.is(statSync(file).mode & 0o777, 0o600, file);
});

test('keygen: overwrites nothing, and writes nothing when it would have to', async ({ folder }) => {
  await writeKeys(folder, ['switch']);
  const before = readFileSync(join(folder, 'switch.pem'), 'utf8');
  assert.match(await refusal(folder, ['server1', 'switch']), /switch.pem exists already: nothing/);
  assert.is(readFileSync(join(folder, 'switch.pem'), 'utf8'), before);
  assert.equal(readdirSync(folder).sort(), ['ca.key', 'ca.pem', 'switch.key', 'switch.pem']);
});

test('keygen: a later host is signed by the CA that is there', async ({ folder }) => {
  await writeKeys(folder, ['switch']);
  const authority = new X509Certificate(readFileSync(join(folder, 'ca.pem')));
  assert.is((await writeKeys(folder, ['server9'])).length, 2);
  const later = new X509Certificate(readFileSync(join(folder, 'server9.pem')));
  assert.ok(later.verify(authority.publicKey));
});

test('keygen: half a CA, a wrong name, a name twice are refused', async ({ folder }) => {
  assert.match(await refusal(folder, ['../x']), /can not be a host's name/);
  assert.match(await refusal(folder, ['ca']), /can not be a host's name/);
  assert.match(await refusal(folder, ['a', 'a']), /named twice/);
  writeFileSync(join(folder, 'ca.pem'), '');
  assert.match(await refusal(folder, ['a']), /ca.key is missing beside .*ca.pem/);
});

test.run();
