import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type GuardedBerth, admin, alice, aliceUser, apiOf, callAs, startWithAlice } from '../../support/access.ts';
import { digestOf } from '../../support/images.ts';
import { pushLayers, pushManifestAsAdmin, untilIndexed } from '../../support/layered-image.ts';
import { tar } from '../../support/tar.ts';
import { type Visit, type Visitor, newVisitor } from '../../support/visitor.ts';

const hostile = 'a<img src=x>\u202Efdp.exe';
const base = gzipSync(
  tar({
    'etc/': { type: 'directory' },
    'etc/page.html': '<script>alert(1)</script>\n\ttab\u200B',
    'etc/old': 'old',
    'etc/passwd': { type: 'symlink', link: '../home/x' },
    [`odd/${hostile}`]: 'odd',
    'data/big.bin': Buffer.concat([Buffer.from('ELF\0'), Buffer.alloc(100_000, 7)]),
    'data/empty': '',
  }),
);
const upper = tar({ 'etc/.wh.old': '', 'etc/page.html': 'new', 'etc/added': '<b>', 'home/x': 'target' });

let berth: GuardedBerth;
let visitor: Visitor;

beforeAll(async () => {
  berth = await startWithAlice();
  await berth.administration.grant('user:alice', 'team/**', 'pull');
  await pushLayers(berth, 'team/app', '1', [base, upper]);
  await pushLayers(berth, 'secret/app', '1', [base]);
  await pushForeign('team/windows', await pushLayers(berth, 'team/windows', undefined, [upper]));
  visitor = newVisitor(berth);
  await visitor.post('/ui/login', aliceUser);
});
afterAll(() => berth.close());

/** Pushes the tag 1: the image on top of a layer that clients get elsewhere, as those of Windows were. */
async function pushForeign(repository: string, { digest }: { readonly digest: string }): Promise<void> {
  const image = (await callAs(berth, admin, 'GET', `/v2/${repository}/manifests/${digest}`)).json() as {
    readonly layers: readonly object[];
  };
  const mediaType = 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip';
  const foreign = { mediaType, digest: digestOf('elsewhere'), size: 9, urls: ['https://example.com/layer'] };
  await pushManifestAsAdmin(berth, repository, '1', { ...image, layers: [foreign, ...image.layers] });
}

const path = '/ui/r/team/app:1/-/files';
const view = (query = ''): Promise<Visit> => visitor.get(`${path}${query}`);
const names = ({ text }: Visit) => [...text.matchAll(/<th scope="row">[^]*?<code>([^<]*)<\/code>/g)].map(([, name = '']) => name);
const chips = ({ text }: Visit) => [...text.matchAll(/<span class="chip (\w+)">/g)].map(([, change]) => change);

describe('the files of an image', () => {
  test('are indexed only after a form asks for it, which leads back to the view', async () => {
    for (let look = 0; look < 2; look++) {
      const first = await view('?path=etc');
      expect(first.text).toContain('This image is not indexed yet');
      expect(first.text).toContain('action="/ui/r/team/app:1/-/index"');
    }
    const posted = await visitor.post('/ui/r/team/app:1/-/index', { next: `${path}?path=etc` });
    expect([posted.status, posted.location]).toEqual([303, `${path}?path=etc`]);
    await untilIndexed(berth, 'team/app', '1');
    expect(names(await view('?path=etc'))).toEqual(['added', 'page.html', 'passwd']);
    const elsewhere = await visitor.post('/ui/r/team/app:1/-/index', { next: 'https://example.com/' });
    expect(elsewhere.location).toBe('/ui');
  });

  test('are listed merged and by layer, there with what the layer changes', async () => {
    expect(names(await view())).toEqual(['data/', 'etc/', 'home/', 'odd/']);
    const lower = await view('?path=etc&layer=0');
    expect([names(lower), chips(lower)]).toEqual([
      ['old', 'page.html', 'passwd'],
      ['added', 'added', 'added'],
    ]);
    const top = await view('?path=etc&layer=1');
    expect([names(top), chips(top)]).toEqual([
      ['added', 'old', 'page.html'],
      ['added', 'deleted', 'changed'],
    ]);
    expect(top.text).toContain('>deleted<');
  });

  test('of a layer that is kept elsewhere are missing, and page and API say so', async () => {
    const at = '/ui/r/team/windows:1/-';
    await untilIndexed(berth, 'team/windows', '1');
    const page = await visitor.get(`${at}/files`);
    expect(names(page)).toEqual(['etc/', 'home/']);
    expect(page.text).toContain('One layer of this image is kept elsewhere');
    expect((await visitor.get(`${at}/packages`)).text).toContain('One layer of this image is kept elsewhere');
    expect((await view()).text).not.toContain('kept elsewhere');
    const answer = await apiOf(() => berth)('GET', '/image/files?repository=team/windows&reference=1', undefined, alice);
    expect(answer.json()).toMatchObject({ image: { foreignLayers: 1 } });
  });

  test('have the directories above them as links', async () => {
    const page = await view('?path=/etc/page.html/');
    expect(page.text).toContain('<a href="?path=etc"><code>etc</code></a>');
    expect(page.text).toContain('<code aria-current="location">page.html</code>');
  });

  test('are sorted, found by a part of their name, and listed by size', async () => {
    expect(names(await view('?path=data&sort=size'))).toEqual(['big.bin', 'empty']);
    expect(names(await view('?find=PA'))).toEqual(['etc/page.html', 'etc/passwd']);
    expect(names(await view('?find=pa&path=data'))).toEqual([]);
    expect((await view('?find=nothing&path=data')).text).toContain('No name below this directory contains nothing.');
    expect(names(await view('?biggest=1'))[0]).toBe('data/big.bin');
    expect(names(await view('?biggest=1&layer=1'))).toEqual(['home/x', 'etc/added', 'etc/page.html']);
  });

  test('show their text escaped, with line breaks, and other bytes as hexadecimal digits', async () => {
    const page = await view('?path=etc/page.html&layer=0');
    expect(page.text).toContain('\n&#60;script&#62;alert(1)&#60;/script&#62;\n\ttab\\u{200b}</pre>');
    const binary = await view('?path=data/big.bin');
    expect(binary.text).toContain('00000000  45 4c 46 00 07 07 07 07 07 07 07 07 07 07 07 07  ELF.............');
    expect(binary.text.match(/^[0-9a-f]{8} {2}/gm)).toHaveLength(4096);
    expect((await view('?path=data/empty')).text).toContain('The file is empty.');
    expect((await view('?path=etc/passwd')).text).toContain('<a href="?path=home/x"><code>../home/x</code></a>');
  });

  test('are downloaded as attachments that no browser runs', async () => {
    const file = await visitor.get('/ui/r/team/app:1/-/file?path=etc/page.html&layer=0');
    expect([file.status, file.text]).toEqual([200, '<script>alert(1)</script>\n\ttab\u200B']);
    expect(file.header('content-type')).toBe('application/octet-stream');
    expect(file.header('content-disposition')).toMatch(/^attachment; filename="page.html"/);
    expect(file.header('x-content-type-options')).toBe('nosniff');
    expect(file.header('content-security-policy')).toBe("sandbox; default-src 'none'");
  });

  test('show names that would forge the page or the order of their letters as escapes', async () => {
    const page = await view('?path=odd');
    expect(names(page)).toEqual(['a&#60;img src=x&#62;\\u{202e}fdp.exe']);
    expect(page.text).not.toContain('\u202E');
    const file = await view(`?path=odd/${encodeURIComponent(hostile)}`);
    expect(file.status).toBe(200);
    expect(file.text).not.toMatch(/<img src=x|\u202E/);
  });

  test('are not found where there are none, and in a repository that the visitor may not pull', async () => {
    expect((await view('?path=etc/none')).status).toBe(404);
    expect((await view('?layer=7')).status).toBe(404);
    const answers = await Promise.all(
      ['secret/app', 'secret/none'].flatMap((name) => [
        visitor.get(`/ui/r/${name}:1/-/files`),
        visitor.get(`/ui/r/${name}:1/-/file?path=etc/old`),
        visitor.post(`/ui/r/${name}:1/-/index`, {}),
      ]),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 404));
  });

  test('name the limit or the fault where a layer cannot be read', async () => {
    await pushLayers(berth, 'team/app', 'bad', [Buffer.from('no archive '.repeat(100))]);
    await untilIndexed(berth, 'team/app', 'bad');
    const page = await visitor.get('/ui/r/team/app:bad/-/files');
    expect(page.text).toContain('A layer is not an archive that the server can read.');
  });
});

describe('the packages of an image', () => {
  const packagesOf = async (query = '') => (await visitor.get(`/ui/r/team/packages:1/-/packages${query}`)).text;
  beforeAll(async () => {
    const status = ['a', 'libz<b>', 'libz-dev']
      .map((name) => `Package: ${name}\nVersion: 1:2\u202E\nArchitecture: all\n`)
      .join('\n');
    await pushLayers(berth, 'team/packages', '1', [tar({ 'var/lib/dpkg/status': status, 'var/lib/rpm/Packages': 'Berkeley' })]);
  });

  test('are listed once the image is indexed, escaped, and found by a part of their name', async () => {
    expect(await packagesOf()).toContain('This image is not indexed yet');
    await visitor.post('/ui/r/team/packages:1/-/index', {});
    await untilIndexed(berth, 'team/packages', '1');
    const page = await packagesOf();
    expect(page).toContain('<code>libz&#60;b&#62;</code>');
    expect(page).toContain('<code>1:2\\u{202e}</code>');
    expect(page).toContain('3 packages');
    const found = await packagesOf('?find=LIBZ');
    expect([found.includes('2 packages'), found.includes('<code>a</code>')]).toEqual([true, false]);
  });

  test('name the lists that were not read, and why', async () => {
    expect(await packagesOf()).toMatch(/rpm<\/span>[^]*var\/lib\/rpm\/Packages[^]*not read:/);
  });

  test('are none where the image has no list', async () => {
    expect((await visitor.get('/ui/r/team/app:1/-/packages')).text).toContain('The image has no list of dpkg, apk or rpm.');
  });
});
