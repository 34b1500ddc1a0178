import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type GuardedBerth, admin, alice, aliceUser, apiOf, startWithAlice } from '../../support/access.ts';
import { pushArtifact, pushBuildxIndex, pushSigned, spdx } from '../../support/attached-artifacts.ts';
import { call as callServer } from '../../support/call.ts';
import { pushBlobAsAdmin } from '../../support/layered-image.ts';
import { type Visitor, newVisitor } from '../../support/visitor.ts';
import recorded from './recorded-referrers.json' with { type: 'json' };

let berth: GuardedBerth;
let visitor: Visitor;
let signed: string;
let built: string;
const hostile = 'lib<script>\u202Egnp';

beforeAll(async () => {
  berth = await startWithAlice();
  await berth.administration.grant('user:alice', 'team/**', 'pull');
  signed = await pushSigned(berth, 'team/signed', '1');
  built = await pushBuildxIndex(berth, 'team/built', '1', ['curl', hostile, ...Array.from({ length: 300 }, (_, n) => `p${n}`)]);
  await pushSigned(berth, 'secret/signed', '1');
  visitor = newVisitor(berth);
  await visitor.post('/ui/login', aliceUser);
});
afterAll(() => berth.close());

interface Artifact {
  readonly kind: string;
  readonly type: string;
  readonly foundBy: string;
  readonly tag: string | null;
  readonly documents: readonly { readonly digest: string; readonly kind: string }[];
}

const call = (path: string) => apiOf(() => berth)('GET', path, undefined, alice);
const listOf = async (repository: string, reference = '1') =>
  ((await call(`/image/referrers?repository=${repository}&reference=${reference}`)).json() as { items: Artifact[] }).items;
const view = async (path: string) => (await visitor.get(`/ui/r/${path}`)).text;
const kindsOf = (page: string) => [...page.matchAll(/<th scope="row">\s*([\w ]+?)\s*</g)].map(([, kind]) => kind);

/** Pushes an image of crane, and what the real tools have attached to it. */
async function pushRecorded(repository: string): Promise<void> {
  for (const blob of recorded.blobs) await pushBlobAsAdmin(berth, repository, Buffer.from(blob, 'base64'));
  for (const { reference, document } of recorded.manifests) {
    const { mediaType } = JSON.parse(document) as { readonly mediaType: string };
    const headers = { ...admin, 'Content-Type': mediaType };
    const { status } = await callServer(berth, 'PUT', `/v2/${repository}/manifests/${reference}`, { headers, body: document });
    if (status !== 201) throw new Error(`${reference}: ${status}`);
  }
}

describe('the artifacts of an image', () => {
  test('are those of cosign, notation and oras, by subject and by tag', async () => {
    const found = (await listOf('team/signed')).map(({ kind, foundBy, tag, type }) => [kind, tag?.slice(-4) ?? foundBy, type]);
    expect(found.sort()).toEqual([
      ['artifact', 'subject', 'application/vnd.example.report'],
      ['provenance', 'subject', 'application/vnd.dev.sigstore.bundle.v0.3+json'],
      ['sbom', '.att', 'application/vnd.dsse.envelope.v1+json'],
      ['sbom', 'subject', 'application/vnd.cyclonedx+json'],
      ['signature', '.sig', 'application/vnd.dev.cosign.simplesigning.v1+json'],
      ['signature', 'subject', 'application/vnd.cncf.notary.signature'],
    ]);
    const page = await view('team/signed:1/-/referrers');
    expect(kindsOf(page).sort()).toEqual(['Artifact', 'Provenance', 'SBOM', 'SBOM', 'Signature', 'Signature']);
    expect(page.match(/present, not verified/g)).toHaveLength(2);
  });

  test('are those that cosign 3.1.1, notation 1.3.2 and oras 1.3.3 were recorded to write, each once, with their predicates', async () => {
    await pushRecorded('team/recorded');
    const predicate = 'https://cosign.sigstore.dev/attestation/vuln/v1';
    const found = await listOf('team/recorded');
    expect(found.map(({ kind, foundBy }) => `${kind} by ${foundBy}`).sort()).toEqual([
      'attestation by subject', // cosign attest --type vuln
      'provenance by tag', // cosign attest --type slsaprovenance1 --new-bundle-format=false
      'sbom by subject', // oras attach
      'sbom by subject', // cosign attest --type spdxjson
      'signature by subject', // notation sign
      'signature by subject', // cosign sign
      'signature by tag', // cosign sign --new-bundle-format=false
    ]);
    const page = await view('team/recorded:1/-/referrers');
    expect(page).toContain(`<code>${predicate}</code>`);
    const documents = found.flatMap((item) => item.documents.map(({ digest, kind }) => ({ digest, kind })));
    const shown = async (wanted: string) =>
      Promise.all(
        documents
          .filter(({ kind }) => kind === wanted)
          .map(({ digest }) => view(`team/recorded:1/-/referrers?document=${digest}`)),
      );
    const sboms = (await shown('sbom')).join('');
    for (const name of ['curl', 'zlib']) expect(sboms).toContain(`<code>${name}</code>`);
    expect((await shown('provenance')).join('')).toContain('<code>bbbb</code>');
    expect((await shown('attestation')).join('')).toContain(`<code>${predicate}</code>`);
    const tags = await view('team/recorded');
    expect(tags).not.toContain('.att');
  });

  test('are the attestations of buildx at the index and at its image, and only there', async () => {
    for (const reference of ['1', built]) {
      const [one, ...others] = await listOf('team/built', reference);
      expect([one?.foundBy, one?.documents.map(({ kind }) => kind), others]).toEqual(['index', ['sbom', 'provenance'], []]);
    }
    const overview = await view('team/built:1');
    expect(overview).not.toContain('unknown');
    expect(await view(`team/signed@${signed}/-/referrers`)).not.toContain('the index (buildx)');
  });

  test('are not found in a repository that the visitor may not pull', async () => {
    for (const name of ['secret/signed', 'secret/none']) {
      expect((await visitor.get(`/ui/r/${name}:1/-/referrers`)).status).toBe(404);
      for (const row of ['referrers', 'sbom', 'provenance'])
        expect((await call(`/image/${row}?repository=${name}&reference=1`)).status).toBe(404);
    }
  });
});

describe('an SBOM of an image', () => {
  const sbom = async (repository: string, query = '') =>
    (await call(`/image/sbom?repository=${repository}&reference=1${query}`)).json() as Readonly<Record<string, unknown>>;
  const documentOf = async (repository: string, kind: string, place = 0) =>
    (await listOf(repository)).flatMap(({ documents }) => documents).filter((one) => one.kind === kind)[place]?.digest ?? '';

  test('is read out of the statement of buildx, listed by name, and searched', async () => {
    const page = await sbom('team/built', '&limit=2');
    expect(page).toMatchObject({ format: 'SPDX-2.3', total: 302, more: false, next: 2 });
    expect(page['items']).toEqual([
      { name: 'curl', version: '1.0', license: 'MIT', purl: 'pkg:deb/debian/curl@1.0' },
      expect.objectContaining({ name: hostile }),
    ]);
    expect(await sbom('team/built', '&find=CURL')).toMatchObject({ total: 1, next: null });
    const digest = await documentOf('team/built', 'sbom');
    const shown = await view(`team/built:1/-/referrers?document=${digest}&find=lib`);
    expect(shown).toContain('<code>lib&#60;script&#62;\\u{202e}gnp</code>');
    expect(shown).not.toMatch(/<script>|\u202E/);
    expect(await view(`team/built:1/-/referrers?document=${digest}`)).toContain('after=200');
  });

  test("is read out of cosign's envelope, and in CycloneDX with nested components but without files", async () => {
    const [one, other] = [await documentOf('team/signed', 'sbom', 0), await documentOf('team/signed', 'sbom', 1)];
    const found = [await sbom('team/signed', `&document=${one}`), await sbom('team/signed', `&document=${other}`)];
    const names = ({ items }: Readonly<Record<string, unknown>>) =>
      (items as readonly { name: string }[]).map(({ name }) => name);
    expect(found.map(({ format }) => format).sort()).toEqual(['CycloneDX 1.6', 'SPDX-2.3']);
    expect(found.map(names).sort()).toEqual([['@scope/left-pad', 'inner', 'outer'], ['zlib']]);
  });

  test('is read on a thread of its own if it is large', async () => {
    const names = Array.from({ length: 5000 }, (_, number) => `package-${number}`);
    const subject = await pushArtifact(berth, 'team/large', [], { tag: '1' });
    const part = { content: spdx(names), mediaType: 'application/spdx+json' };
    await pushArtifact(berth, 'team/large', [part], { subject, artifactType: 'application/spdx+json' });
    expect(await sbom('team/large')).toMatchObject({ total: 5000 });
  });

  test('has the reason where it cannot be read', async () => {
    const subject = await pushArtifact(berth, 'team/unread', [], { tag: '1' });
    const part = { content: 'SPDXVersion: SPDX-2.3', mediaType: 'text/spdx' };
    await pushArtifact(berth, 'team/unread', [part], { subject, artifactType: 'text/spdx' });
    expect(await sbom('team/unread')).toMatchObject({ status: 422, detail: 'the document is not JSON' });
    const page = await view(`team/unread:1/-/referrers?document=${await documentOf('team/unread', 'sbom')}`);
    expect(page).toContain('The document is not shown: the document is not JSON');
  });
});

describe('the provenance of an image', () => {
  const provenance = async (repository: string) => (await call(`/image/provenance?repository=${repository}&reference=1`)).json();

  test('names builder, source and commit, from BuildKit (SLSA 0.2) and from a bundle of Sigstore (SLSA 1)', async () => {
    expect(await provenance('team/built')).toMatchObject({
      format: 'https://slsa.dev/provenance/v0.2',
      builder: 'https://github.com/team/app/actions/runs/1',
      source: 'https://git.example/team/app',
      commit: 'c0ffee',
      materials: ['pkg:docker/debian@13'],
    });
    expect(await provenance('team/signed')).toMatchObject({
      format: 'https://slsa.dev/provenance/v1',
      builder: 'https://github.com/actions/runner',
      source: 'https://git.example/team/app',
      commit: 'abc123',
    });
    const page = await view('team/built:1/-/referrers');
    const link = [...page.matchAll(/href="(\?document=[^"]*)" title="https:\/\/slsa.dev/g)][0]?.[1] ?? '';
    expect(await view(`team/built:1/-/referrers${link}`)).toContain('<code>c0ffee</code>');
  });
});
