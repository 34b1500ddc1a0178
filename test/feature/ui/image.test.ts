import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createLayerSharers } from '../../../src/catalog/layer-sharers.ts';
import { instructionOf } from '../../../src/images/description/build-steps.ts';
import { readImageConfig } from '../../../src/images/description/image-config.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { type TestBerth, startBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { configOf, pushDescribed } from '../../support/described-image.ts';
import { descriptor, digestOf, pushBlob, pushImage, putManifest } from '../../support/images.ts';
import { untilIndexed } from '../../support/layered-image.ts';
import { tar } from '../../support/tar.ts';
import { newVisitor } from '../../support/visitor.ts';

let berth: TestBerth;
beforeAll(async () => {
  berth = await startBerth();
});
afterAll(() => berth.close());

const view = async (path: string) => (await newVisitor(berth).get(`/ui/r/${path}`)).text;
/** Texts of the first column of a table. */
const rows = (page: string) => [...page.matchAll(/<th scope="row">(?:<[^>]*>)*([^<]*)</g)].map(([, text]) => text?.trim());

describe('the tags of the layers of an image', () => {
  const viewer = { seesAll: true, async *names() {} };
  const layers = Array.from({ length: 250 }, (_, number) => digestOf(`${number % 200}`));

  test.each([
    ['sqlite', 1],
    ['postgresql', 4],
  ])('are counted for the first 100 different layers; on %s a turn of the event loop has %i reads', async (name, reads) => {
    const inTurns = [0];
    let isCounting = true;
    const nextTurn = () => {
      inTurns.push(0);
      if (isCounting) setImmediate(nextTurn);
    };
    setImmediate(nextTurn);
    const countTags = () => {
      inTurns.push((inTurns.pop() ?? 0) + 1);
      return Promise.resolve({ count: 2, isExact: true });
    };
    const sharers = createLayerSharers({ name, layerSharers: { countTags } as never }, () => 0);
    const counts = await sharers.count(viewer, 'team/app' as never, layers);
    isCounting = false;
    expect([...counts.keys()]).toEqual(layers.slice(0, 100));
    expect(Math.max(...inTurns)).toBe(reads);
  });
});

describe('the instruction of a build step', () => {
  test.each([
    ['/bin/sh -c #(nop) ADD file:1 in / ', 'ADD file:1 in /'],
    ['/bin/sh -c #(nop)  CMD ["bash"]', 'CMD ["bash"]'],
    ['/bin/sh -c apt-get update', 'RUN apt-get update'],
    ['RUN /bin/sh -c apt-get update # buildkit', 'RUN apt-get update'],
    ['RUN |1 V=2 /bin/sh -c make # buildkit', 'RUN make'],
    ['|1 V=2 /bin/sh -c make', 'RUN make'],
    ['COPY /a /b # buildkit', 'COPY /a /b'],
    ['', ''],
  ])('of %j is %j', (createdBy, instruction) => {
    expect(instructionOf(createdBy)).toBe(instruction);
  });

  test('is not guessed from a configuration with other types', () => {
    const nonsense = { config: { Env: [1, 'A=1'], Labels: { a: 1 }, Cmd: 'x', User: 7 }, history: 'none', os: [] };
    expect(readImageConfig(nonsense)).toMatchObject({ environment: ['A=1'], labels: { a: '1' }, command: [], user: undefined });
    for (const document of [null, 7, 'text', []]) expect(readImageConfig(document).steps).toEqual([]);
  });
});

describe('the view of an image', () => {
  test('shows how to pull it, its configuration, its steps with the size of their layers, and its labels', async () => {
    const digest = await pushDescribed(berth, 'team/app', '1.9');
    const page = await view('team/app:1.9');
    expect(page).toContain(`docker pull ${new URL(berth.url).host}/team/app:1.9`);
    for (const text of ['/docker-entrypoint.sh', 'VERSION=1.9', '/srv', '80/tcp', '/data', 'linux/amd64', 'team a &#60;b&#62;'])
      expect(page).toContain(text);
    expect(rows(page)).toEqual([
      'ADD file:1 in /',
      'CMD [&#34;bash&#34;]',
      'RUN apt-get update',
      'org.opencontainers.image.source',
    ]);
    expect(page).toContain(`<data value="3000"`);
    expect(await view(`team/app@${digest}`)).toContain('href="/ui/r/team/app:1.9"');
  });

  test('shows the platforms of an index with the size of each, and the one that is asked for', async () => {
    await pushDescribed(berth, 'team/multi', '1', {}, ['linux/amd64', 'linux/arm64']);
    const page = await view('team/multi:1');
    expect(rows(page).slice(0, 2)).toEqual(['linux/amd64', 'linux/arm64']);
    const size = (platform: string) =>
      new RegExp(`platform=${encodeURIComponent(platform)}"[^]*?<data value="(\\d+)"`).exec(page)?.[1];
    expect(Number(size('linux/arm64'))).toBeGreaterThan(4000 + configOf('linux/arm64').length);
    expect(page).toContain('Configuration: linux/amd64');
    expect(await view('team/multi:1?platform=linux%2Farm64')).toContain('Configuration: linux/arm64');
  });

  test('says how many tags share a layer, those of indexes included, as the API does', async () => {
    const [base, top] = [Buffer.from('a base that images share'), Buffer.from('an upper layer')];
    const images: string[] = [];
    for (const [repository, reference, layers] of [
      ['shared/one', '1', [base, top]],
      ['shared/one', '2', [base]],
      ['shared/two', undefined, [base]],
    ] as const) {
      const config = JSON.stringify({ os: 'linux', architecture: 'amd64', reference, repository });
      for (const blob of [config, ...layers]) await pushBlob(berth, repository, blob);
      const manifest = JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.ociManifest,
        config: descriptor(config, 'application/vnd.oci.image.config.v1+json'),
        layers: layers.map((layer) => descriptor(layer)),
      });
      images.push(manifest);
      await putManifest(berth, repository, reference ?? digestOf(manifest), manifest);
    }
    const [, , last = ''] = images;
    const platform = { os: 'linux', architecture: 'amd64' };
    const entry = { ...descriptor(last, mediaTypes.ociManifest), platform };
    const index = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [entry] });
    for (const tag of ['3', '4']) await putManifest(berth, 'shared/two', tag, index, mediaTypes.ociIndex);
    const page = await view('shared/one:1');
    expect(page.match(/shared by [^<]*/g)).toEqual(['shared by 4 tags']);
    const { image } = (await call(berth, 'GET', '/api/v1/image?repository=shared/one&reference=1')).json() as {
      readonly image: { readonly layers: readonly { readonly tags: unknown }[] };
    };
    expect(image.layers.map(({ tags }) => tags)).toEqual([
      { count: 4, isExact: true },
      { count: 1, isExact: true },
    ]);
  });

  test('shows the files of an artifact, and the artifacts of an image at the image', async () => {
    const image = await pushImage(berth, 'team/signed', '1');
    const [config, file] = ['{}', 'hello'];
    for (const blob of [config, file]) await pushBlob(berth, 'team/signed', blob);
    const artifact = JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      artifactType: 'application/spdx+json',
      config: descriptor(config, 'application/vnd.oci.empty.v1+json'),
      layers: [{ ...descriptor(file, 'text/plain'), annotations: { 'org.opencontainers.image.title': 'sbom <1>.json' } }],
      subject: descriptor(image.manifest, 'application/vnd.oci.image.manifest.v1+json'),
      annotations: { note: 'two\u202Ewords' },
    });
    await putManifest(berth, 'team/signed', digestOf(artifact), artifact);
    const referrers = await view('team/signed:1/-/referrers');
    expect(referrers).toContain(`href="/ui/r/team/signed@${digestOf(artifact)}"`);
    expect(referrers).toContain('application/spdx+json');
    const page = await view(`team/signed@${digestOf(artifact)}`);
    expect(page).toContain('sbom &#60;1&#62;.json');
    expect(page).toContain(`href="/ui/r/team/signed@${image.digest}"`);
    expect(page).toContain('two\\u{202e}words');
  });

  test('shows layers without steps where the configuration does not say which step made them', async () => {
    await pushImage(berth, 'team/plain', '1');
    expect(rows(await view('team/plain:1'))).toEqual(['Layer 1']);
  });

  test('has the exact bytes of the manifest, as text that no browser runs', async () => {
    const { manifest } = await pushImage(berth, 'team/raw', '1');
    const raw = await newVisitor(berth).get('/ui/r/team/raw:1/-/raw');
    expect([raw.text, raw.header('content-type')]).toEqual([manifest, 'text/plain; charset=utf-8']);
    expect(raw.header('content-security-policy')).toBe("default-src 'none'; sandbox");
  });

  test('has the exact bytes of the configuration, also of a platform', async () => {
    const raw = await newVisitor(berth).get('/ui/r/team/multi:1/-/raw?part=config&platform=linux/arm64');
    expect([raw.text, raw.header('content-security-policy')]).toEqual([configOf('linux/arm64'), "default-src 'none'; sandbox"]);
  });

  test('pulls by digest what the tag points at now', async () => {
    const digest = await pushDescribed(berth, 'team/app', '1.9');
    const page = await view('team/app:1.9');
    for (const client of ['docker pull', 'podman pull', 'ctr images pull'])
      expect(page).toContain(`${client} ${new URL(berth.url).host}/team/app@${digest}`);
  });

  test('gives the image another tag, moves a tag only if the form says so, and keeps the input of a refused form', async () => {
    const [first, second] = [await pushImage(berth, 'team/retag', '1'), await pushImage(berth, 'team/retag', '2')];
    const visitor = newVisitor(berth);
    const retag = (form: Readonly<Record<string, string>>) => visitor.post('/ui/r/team/retag:1/-/retag', form);
    const digestOfTag = async (tag: string) =>
      (await call(berth, 'HEAD', `/v2/team/retag/manifests/${tag}`)).header('docker-content-digest');
    const done = await retag({ tag: 'latest' });
    expect([done.status, done.location, await digestOfTag('latest')]).toEqual([303, '/ui/r/team/retag:latest', first.digest]);
    expect((await visitor.get(done.location)).text).toContain('latest points at this image now.');
    const bad = await retag({ tag: 'no/<tag>' });
    expect([bad.status, bad.text.includes('value="no/&#60;tag&#62;"')]).toEqual([400, true]);
    const taken = await retag({ tag: '2' });
    expect([taken.status, taken.text.includes('value="2"'), await digestOfTag('2')]).toEqual([400, true, second.digest]);
    expect((await retag({ tag: '2', move: 'yes' })).status).toBe(303);
    expect(await digestOfTag('2')).toBe(first.digest);
  });

  test('deletes an image with all of its tags, which Undo brings back', async () => {
    const { digest } = await pushImage(berth, 'team/deleted', '1');
    const visitor = newVisitor(berth);
    const deleted = await visitor.post(`/ui/r/team/deleted@${digest}/-/delete`, {});
    expect([deleted.status, deleted.location]).toEqual([303, '/ui/r/team/deleted']);
    expect((await visitor.get('/ui/r/team/deleted:1')).status).toBe(404);
    const entry = /name="entry" value="(\d+)"/.exec((await visitor.get('/ui/r/team/deleted')).text)?.[1] ?? '';
    await visitor.post('/ui/r/team/deleted/-/trash/restore', { entry });
    expect((await visitor.get('/ui/r/team/deleted:1')).status).toBe(200);
  });

  test('shows what each layer wastes once the image is indexed', async () => {
    const layers = [tar({ a: 'a'.repeat(300), b: 'b'.repeat(100) }), tar({ '.wh.a': '' })];
    for (const layer of layers) await pushBlob(berth, 'team/waste', layer);
    const config = configOf('linux/amd64');
    await pushBlob(berth, 'team/waste', config);
    const manifest = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: descriptor(config, 'application/vnd.oci.image.config.v1+json'),
      layers: layers.map((layer) => descriptor(layer)),
    };
    await putManifest(berth, 'team/waste', '1', JSON.stringify(manifest));
    expect(await view('team/waste:1')).not.toContain('Efficiency');
    await newVisitor(berth).post('/ui/r/team/waste:1/-/index', {});
    await untilIndexed(berth, 'team/waste', '1');
    const page = await view('team/waste:1');
    expect(page).toContain('(75 %)');
    expect(page).toMatch(/Efficiency: 25 % \(<data value="300"[^]*?<data value="400"/);
    expect(page).toContain('href="/ui/r/team/waste:1/-/files?layer=1"');
  });

  test.each(['team/app:never', 'team/app@sha256:1', 'team/app:1.9/-/nothing', 'team/app:1.9:2', 'no/such:1', 'team/app:'])(
    '%s is not found',
    async (path) => {
      expect((await newVisitor(berth).get(`/ui/r/${path}`)).status).toBe(404);
    },
  );
});
