import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { type TestBerth, startBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { runCommand } from '../../support/command.ts';
import { digestOf, newImage, newIndex, pushBlob, pushBlobs, pushImage, putManifest } from '../../support/images.ts';
import { describeWith } from '../../support/requires.ts';
import { bundleOf, pushBundle, pushPayload } from '../../support/signatures.ts';
import { createSigstore } from '../../support/sigstore.ts';
/** An image and its signature by notation 1.3.2, with certificates for 2020 to 2099. */
import signedByNotation from './recorded-cose.json' with { type: 'json' };

const release = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });

let folder: string;
let berth: TestBerth;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-signatures-'));
  const key = join(folder, 'release.pub');
  await writeFile(key, release.publicKey.export({ type: 'spki', format: 'pem' }));
  const file = join(folder, 'berth.yaml');
  const authority = join(folder, 'notation-ca.pem');
  await writeFile(authority, signedByNotation.authority);
  const signers = `{ release: { cosignKeys: [${key}] }, platform: { notationCertificates: [${authority}] } }`;
  const rules = '[{ match: ["prod/**"], signers: [release] }, { match: ["notary/**"], signers: [platform] }]';
  await writeFile(file, `signatures: { signers: ${signers}, rules: ${rules} }\n`);
  berth = await startBerth({ BERTH_CONFIG: file });
});
afterAll(async () => {
  await berth.close();
  await rm(folder, { recursive: true });
});

const get = (path: string, method = 'GET') => call(berth, method, `/v2/${path}`);
const messageOf = (answer: { json(): unknown }) =>
  (answer.json() as { errors: readonly { code: string; message: string }[] }).errors[0]?.message;

/** Pushes an image by its digest and its signature into the repository. */
async function pushSigned(repository: string, key = release.privateKey) {
  const image = newImage();
  await pushBlobs(berth, repository, image);
  expect((await putManifest(berth, repository, image.digest, image.manifest)).status).toBe(201);
  const signature = await pushBundle(berth, repository, image, bundleOf(key, image.digest));
  return { image, signature };
}

describe('with a rule for signatures', () => {
  test('an image without one gets no tag, and is not sent', async () => {
    const image = newImage();
    await pushBlobs(berth, 'prod/app', image);
    const tagged = await putManifest(berth, 'prod/app', 'v1', image.manifest);
    expect([tagged.status, messageOf(tagged)]).toEqual([
      403,
      `prod/app@${image.digest} needs a signature by release (signatures.rules), and has no signature`,
    ]);
    expect((await putManifest(berth, 'prod/app', image.digest, image.manifest)).status).toBe(201);
    expect((await get(`prod/app/manifests/${image.digest}`)).status).toBe(403);
    // A client that pushes looks whether it has to.
    expect((await get(`prod/app/manifests/${image.digest}`, 'HEAD')).status).toBe(200);
    expect((await get(`prod/app/manifests/v1`)).status).toBe(404);
  });

  test('a signed image is tagged and sent, and so are its signatures', async () => {
    const { image, signature } = await pushSigned('prod/signed');
    expect((await putManifest(berth, 'prod/signed', 'v1', image.manifest)).status).toBe(201);
    for (const reference of ['v1', image.digest, signature])
      expect([reference, (await get(`prod/signed/manifests/${reference}`)).status]).toEqual([reference, 200]);
  });

  test('an image that is signed elsewhere in the registry can be moved here', async () => {
    const { image } = await pushSigned('staging/app');
    await pushBlobs(berth, 'prod/moved', image);
    expect((await putManifest(berth, 'prod/moved', 'v1', image.manifest)).status).toBe(201);
    expect((await get('prod/moved/manifests/v1')).status).toBe(200);
  });

  test('a signature by another key does not count, and the refusal says so', async () => {
    const { image } = await pushSigned('prod/foreign', stranger.privateKey);
    const refused = await get(`prod/foreign/manifests/${image.digest}`);
    expect([refused.status, messageOf(refused)]).toEqual([
      403,
      expect.stringContaining('and has only a signature by another key'),
    ]);
    await pushBundle(berth, 'prod/foreign', image, bundleOf(release.privateKey, image.digest));
    expect((await get(`prod/foreign/manifests/${image.digest}`)).status).toBe(200);
  });

  test('an image is tagged and sent with a COSE envelope of notation, and not before the envelope is there', async () => {
    const { layer, config, manifest, signature, envelope } = signedByNotation;
    for (const blob of [layer, config, '{}', Buffer.from(envelope, 'base64')]) await pushBlob(berth, 'notary/app', blob);
    const digest = digestOf(manifest);
    await putManifest(berth, 'notary/app', digest, manifest);
    const refused = await putManifest(berth, 'notary/app', 'v1', manifest);
    expect([refused.status, messageOf(refused)]).toEqual([
      403,
      `notary/app@${digest} needs a signature by platform (signatures.rules), and has no signature`,
    ]);
    expect((await putManifest(berth, 'notary/app', digestOf(signature), signature)).status).toBe(201);
    expect((await putManifest(berth, 'notary/app', 'v1', manifest)).status).toBe(201);
    expect((await get('notary/app/manifests/v1')).body.toString()).toBe(manifest);
    // The signer of another rule does not count here.
    for (const blob of [layer, config]) await pushBlob(berth, 'prod/notation', blob);
    expect((await putManifest(berth, 'prod/notation', 'v1', manifest)).status).toBe(403);
  });

  test('a tag cannot be moved from a signed image to another one', async () => {
    const { image } = await pushSigned('prod/retag');
    await putManifest(berth, 'prod/retag', 'v1', image.manifest);
    const other = newImage();
    await pushBlobs(berth, 'prod/retag', other);
    expect((await putManifest(berth, 'prod/retag', 'v1', other.manifest)).status).toBe(403);
    expect(digestOf((await get('prod/retag/manifests/v1')).body)).toBe(image.digest);
  });

  test('the images of a signed index need no signatures of their own', async () => {
    const children = [newImage(), newImage()];
    for (const child of children) {
      await pushBlobs(berth, 'prod/multi', child);
      expect((await putManifest(berth, 'prod/multi', child.digest, child.manifest)).status).toBe(201);
      expect((await get(`prod/multi/manifests/${child.digest}`)).status).toBe(403);
    }
    const index = newIndex(children);
    const digest = digestOf(index);
    await putManifest(berth, 'prod/multi', digest, index, mediaTypes.ociIndex);
    await pushBundle(berth, 'prod/multi', { manifest: index, digest }, bundleOf(release.privateKey, digest));
    for (const reference of [digest, ...children.map((child) => child.digest)])
      expect((await get(`prod/multi/manifests/${reference}`)).status).toBe(200);
  });

  test('page and API name who has signed an image, or what is missing', async () => {
    const policyOf = async (repository: string, reference: string) => {
      const query = `repository=${repository}&reference=${reference}`;
      return ((await call(berth, 'GET', `/api/v1/image/referrers?${query}`)).json() as { readonly policy: unknown }).policy;
    };
    const page = async (name: string) => (await call(berth, 'GET', `/ui/r/${name}/-/referrers`)).body.toString();
    const { image, signature } = await pushSigned('prod/shown');
    expect(await policyOf('prod/shown', image.digest)).toEqual({ signers: ['release'], signedBy: 'release', found: [] });
    expect(await page(`prod/shown@${image.digest}`)).toContain('The image is signed by release');
    const { image: other } = await pushSigned('prod/shown', stranger.privateKey);
    const found = ['a signature by another key'];
    expect(await policyOf('prod/shown', other.digest)).toEqual({ signers: ['release'], signedBy: null, found });
    const refused = await page(`prod/shown@${other.digest}`);
    expect(refused).toMatch(/demands a signature by release[^]*It has only a signature by another key/);
    // A signature needs none, and neither does an image without a rule.
    expect(await policyOf('prod/shown', signature)).toBeNull();
    const { image: free } = await pushSigned('dev/shown');
    expect([await policyOf('dev/shown', free.digest), await page(`dev/shown@${free.digest}`)]).toEqual([
      null,
      expect.not.stringContaining('signatures.rules'),
    ]);
  });

  test('an image does not pass as a document about another one', async () => {
    const { image } = await pushSigned('prod/disguised');
    const disguised = newImage({
      artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      subject: { mediaType: mediaTypes.ociManifest, digest: image.digest, size: Buffer.byteLength(image.manifest) },
    });
    await pushBlobs(berth, 'prod/disguised', disguised);
    await putManifest(berth, 'prod/disguised', disguised.digest, disguised.manifest);
    expect((await get(`prod/disguised/manifests/${disguised.digest}`)).status).toBe(403);
    const tag = `${image.digest.replace(':', '-')}.sig`;
    expect((await putManifest(berth, 'prod/disguised', tag, disguised.manifest)).status).toBe(403);
  });

  test('an archive is a pull, too', async () => {
    const image = newImage();
    await pushBlobs(berth, 'prod/archive', image);
    await putManifest(berth, 'prod/archive', image.digest, image.manifest);
    const archive = (reference: string) => call(berth, 'GET', `/api/v1/archive?repository=prod/archive&reference=${reference}`);
    expect((await archive(image.digest)).status).toBe(403);
    await pushBundle(berth, 'prod/archive', image, bundleOf(release.privateKey, image.digest));
    expect((await archive(image.digest)).status).toBe(200);
  });

  test('other repositories are as they were', async () => {
    await pushImage(berth, 'dev/app', 'v1');
    expect((await get('dev/app/manifests/v1')).status).toBe(200);
  });
});

test('every mistake in the section signatures is reported with its key', async () => {
  const file = join(folder, 'wrong.yaml');
  await writeFile(
    file,
    `signatures:
  signers: { none: {}, missing: { cosignKeys: [${folder}/missing.pub] }, ci: { identities: [{ issuer: x }] } }
  rules: [{ match: ["**/x"], signers: [other] }, { match: [], signers: [] }]
`,
  );
  const { stdout } = await runCommand(['config', 'check', '--json', '--config', file]);
  const { errors } = JSON.parse(stdout) as { readonly errors: readonly string[] };
  for (const part of [
    'signatures.signers.none has neither cosignKeys nor notationCertificates nor identities',
    'signatures.signers.ci.identities has an identity without issuer or subject',
    'signatures.trustedRoot is missing: identities of signers cannot be checked without it',
    'signatures.signers.missing.cosignKeys has',
    'signatures.rules[0].match has **/x, which is not a pattern of repositories',
    'signatures.rules[0].signers has other, which is none of signatures.signers',
    'signatures.rules[1].match is empty',
    'signatures.rules[1].signers is empty',
  ])
    expect(errors).toContainEqual(expect.stringContaining(part));
});

test('a trusted root that cannot be used, or is used by no signer, is an error', async () => {
  const file = join(folder, 'root.yaml');
  await writeFile(file, `signatures: { trustedRoot: ${file} }\n`);
  const { stdout } = await runCommand(['config', 'check', '--json', '--config', file]);
  const { errors } = JSON.parse(stdout) as { readonly errors: readonly string[] };
  expect(errors).toContainEqual(expect.stringContaining('signatures.trustedRoot is set, but no signer has identities'));
  expect(errors).toContainEqual(expect.stringContaining(`signatures.trustedRoot has ${file}, which cannot be used: `));
});

describeWith(['openssl'], 'with a rule for an identity', () => {
  test('an image is sent when that identity has signed it, in either format of cosign', async () => {
    const sigstore = await createSigstore(folder);
    const file = join(folder, 'identities.yaml');
    const root = join(folder, 'trusted-root.json');
    await writeFile(root, sigstore.trustedRoot);
    const [issuer, subject] = ['https://token.example.com', 'release@example.com'];
    const signers = `{ ci: { identities: [{ issuer: "${issuer}", subject: "*@example.com" }] } }`;
    const rules = '[{ match: ["prod/**"], signers: [ci] }]';
    await writeFile(file, `signatures: { trustedRoot: ${root}, signers: ${signers}, rules: ${rules} }\n`);
    const server = await startBerth({ BERTH_CONFIG: file });
    try {
      const [signer, stranger] = [await sigstore.issue(issuer, subject), await sigstore.issue(issuer, 'someone@example.org')];
      const push = async () => {
        const image = newImage();
        await pushBlobs(server, 'prod/app', image);
        await putManifest(server, 'prod/app', image.digest, image.manifest);
        return image;
      };
      const pull = (digest: string) => call(server, 'GET', `/v2/prod/app/manifests/${digest}`);
      const image = await push();
      await pushBundle(server, 'prod/app', image, stranger.bundle(image.digest));
      expect(messageOf(await pull(image.digest))).toContain('only a signature by another identity');
      await pushBundle(server, 'prod/app', image, signer.bundle(image.digest));
      expect((await pull(image.digest)).status).toBe(200);
      const older = await push();
      await pushPayload(server, 'prod/app', older.digest, signer.payload(older.digest));
      expect((await pull(older.digest)).status).toBe(200);
    } finally {
      await server.close();
    }
  });
});
