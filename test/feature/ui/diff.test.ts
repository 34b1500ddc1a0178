import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type GuardedBerth, alice, aliceUser, apiOf, startWithAlice } from '../../support/access.ts';
import { pushLayers, untilIndexed } from '../../support/layered-image.ts';
import { tar } from '../../support/tar.ts';
import { type Visitor, newVisitor } from '../../support/visitor.ts';

const status = (version: string) => `Package: openssl\nVersion: ${version}\nArchitecture: amd64\n`;
const base = gzipSync(tar({ 'etc/conf': 'a', 'usr/old': 'x'.repeat(500), 'var/lib/dpkg/status': status('3.0.14') }));
const upper = gzipSync(
  tar({ 'etc/conf': 'b', 'usr/new<b>': 'y'.repeat(900), 'var/lib/dpkg/status': status('3.0.15'), 'usr/.wh.old': '' }),
);

let berth: GuardedBerth;
let visitor: Visitor;

beforeAll(async () => {
  berth = await startWithAlice();
  await berth.administration.grant('user:alice', 'team/**', 'pull');
  await pushLayers(berth, 'team/app', '1', [base], { config: { Env: ['V=1'] } });
  await pushLayers(berth, 'team/app', '2', [base, upper], { config: { Env: ['V=2', 'W=\u202E'] } });
  await pushLayers(berth, 'team/other', '1', [base], { config: { Env: ['V=1'] } });
  await pushLayers(berth, 'secret/app', '1', [base]);
  visitor = newVisitor(berth);
  await visitor.post('/ui/login', aliceUser);
});
afterAll(() => berth.close());

const view = (query: string) => visitor.get(`/ui/diff?${query}`);
/** Rows as `heading | cell | cell`, without markup. */
const rows = (page: string) =>
  [...page.matchAll(/<tr>([^]*?)<\/tr>/g)]
    .map(([, row = '']) => [...row.matchAll(/<(?:th scope="row"|td)[^>]*>([^]*?)<\/(?:th|td)>/g)])
    .filter((cells) => cells.length > 0)
    .map((cells) =>
      cells
        .map(([, cell = '']) =>
          cell
            .replaceAll(/<[^>]*>/g, '')
            .replaceAll(/\s+/g, ' ')
            .trim(),
        )
        .join(' | ')
        .replaceAll(/ +/g, ' ')
        .trim(),
    );

describe('the difference of two images', () => {
  test('has configuration, layers and the download before the images are indexed, and forms that index them', async () => {
    const page = (await view('from=team/app:1&to=2')).text;
    expect(rows(page).slice(0, 2)).toEqual(['Env.V | changed | 1 | 2', 'Env.W | added | | \\u{202e}']);
    expect(page).toContain('The lowest layer is the same.');
    expect(page.match(/\/-\/index"/g)).toHaveLength(2);
    expect(page).not.toContain('usr/old');
    for (const tag of ['1', '2']) {
      await visitor.post(`/ui/r/team/app:${tag}/-/index`, { next: '/ui/diff?from=team/app:1&to=2' });
      await untilIndexed(berth, 'team/app', tag);
    }
  });

  test('lists files with the largest change first, and packages', async () => {
    const page = (await view('from=team/app:1&to=team/app:2')).text;
    expect(rows(page).slice(3)).toEqual([
      'usr/new&#60;b&#62; | added | | 900 B',
      'usr/old | deleted | 500 B |',
      'var/lib/dpkg/status | changed | 53 B | 53 B',
      'etc/conf | changed | 1 B | 1 B',
      'openssl dpkg | changed | 3.0.14 | 3.0.15',
    ]);
    expect(page).toContain('1 added, 2 changed, 1 deleted.');
    expect(page).toContain('/ui/r/team/app:1/-/files?path=usr/old');
  });

  test('says how much a client downloads, as the API does', async () => {
    const answer = await apiOf(() => berth)('GET', '/diff?repository=team/app&from=1&to=2', undefined, alice);
    const { download } = answer.json() as { readonly download: { readonly bytes: number; readonly totalBytes: number } };
    const [bytes, total] = [...(await view('from=team/app:1&to=2')).text.matchAll(/<data value="(\d+)"/g)].map(([, n]) =>
      Number(n),
    );
    expect([bytes, total]).toEqual([download.bytes, download.totalBytes]);
  });

  test('is mirrored by Swap', async () => {
    const page = (await view('from=team/app:1&to=2')).text;
    const swap = /href="(\/ui\/diff\?[^"]*)"/.exec(page)?.[1]?.replaceAll('&#38;', '&') ?? '';
    expect(swap).toBe('/ui/diff?from=team%2Fapp%3A2&to=team%2Fapp%3A1');
    const swapped = rows((await visitor.get(swap)).text);
    expect(swapped).toContain('usr/old | added | | 500 B');
    expect(swapped).toContain('openssl dpkg | changed | 3.0.15 | 3.0.14');
  });

  test('is empty between identical images, also of two repositories', async () => {
    for (const query of ['from=team/app:1&to=1', 'from=team/app:1&to=team/other:1'])
      expect((await view(query)).text).toContain('The images are identical.');
  });

  test('is not found where the visitor may not pull one side, as where it does not exist', async () => {
    for (const name of ['secret/app', 'secret/none']) {
      const [one, other] = [await view(`from=team/app:1&to=${name}:1`), await view(`from=${name}:1&to=team/app:1`)];
      expect([one.status, other.status]).toEqual([404, 404]);
      for (const { text } of [one, other]) expect(text).toContain('repository name not known to registry');
    }
  });

  test('is asked for by a form, which keeps its input', async () => {
    expect((await view('')).status).toBe(200);
    const rejected = await view('from=team/app:1&to=no%20tag%3Cb%3E');
    expect([rejected.status, rejected.text.includes('value="no tag&#60;b&#62;"')]).toEqual([400, true]);
  });
});
