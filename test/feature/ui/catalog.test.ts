import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type GuardedBerth,
  admin,
  adminPassword,
  aliceUser,
  apiOf,
  callAs,
  pushAs,
  startWithAlice,
} from '../../support/access.ts';
import { renderMarkdown } from '../../../src/http/ui/parts/markdown.ts';
import { until } from '../../support/until.ts';
import { type Visitor, newVisitor } from '../../support/visitor.ts';

let berth: GuardedBerth;
let visitor: Visitor;
const api = apiOf(() => berth);

beforeAll(async () => {
  berth = await startWithAlice();
  const image = await pushAs(berth, admin, 'team/app-10', '1.9');
  const headers = { 'Content-Type': 'application/vnd.oci.image.manifest.v1+json' };
  for (const tag of ['1.10', `sha256-${image.digest.slice(7)}.sig`])
    await callAs(berth, admin, 'PUT', `/v2/team/app-10/manifests/${tag}`, { headers, body: image.manifest });
  await pushAs(berth, admin, 'team/app-9', '1');
  await pushAs(berth, admin, 'other/web', 'latest');
  await berth.administration.grant('user:alice', 'team/app-9', 'pull');
});
afterAll(() => berth.close());
beforeEach(async () => {
  visitor = newVisitor(berth);
  await visitor.post('/ui/login', { name: 'admin', password: adminPassword });
});

const repositoriesIn = (page: string) => [...page.matchAll(/<a href="\/ui\/r\/([^":]+)">/g)].map(([, name]) => name);
const tagsIn = (page: string) => [...page.matchAll(/<a href="\/ui\/r\/[^":]+:([^"]+)">/g)].map(([, name]) => name);

describe('lists of repositories on the page', () => {
  test('are in natural order by name, and in every other order', async () => {
    const page = (await visitor.get('/ui/repositories?sort=name')).text;
    expect(repositoriesIn(page)).toEqual(['other/web', 'team/app-9', 'team/app-10']);
    expect(page).toContain('aria-sort="ascending"');
    expect(repositoriesIn((await visitor.get('/ui/repositories')).text)).toEqual(['other/web', 'team/app-9', 'team/app-10']);
    expect(repositoriesIn((await visitor.get('/ui/repositories?sort=tags')).text)[0]).toBe('team/app-10');
  });

  test('name the namespaces with what the visitor may pull of them', async () => {
    expect((await visitor.get('/ui/repositories')).text).toMatch(/prefix=team%2F"\s*>team\/ <span>2<\/span>/);
    const alice = newVisitor(berth);
    await alice.post('/ui/login', aliceUser);
    const page = (await alice.get('/ui/repositories')).text;
    expect(repositoriesIn(page)).toEqual(['team/app-9']);
    expect([page.includes('<span>1</span>'), page.includes('other'), page.includes('1 in total')]).toEqual([true, false, true]);
  });

  test('star a repository, and lead back to the list', async () => {
    const next = '/ui/repositories?sort=name';
    const star = (value: string) => visitor.post('/ui/r/team/app-9/-/star', { star: value, next });
    expect((await star('on')).location).toBe(next);
    expect((await visitor.get('/ui')).text).toContain('Repositories that you have starred');
    expect(repositoriesIn((await visitor.get('/ui/repositories?starred=on')).text)).toEqual(['team/app-9']);
    await star('off');
    expect((await visitor.get('/ui')).text).not.toContain('Repositories that you have starred');
    expect((await visitor.post('/ui/r/team/app-9/-/star', { star: 'on', next: 'https://other.example/' })).location).toBe('/ui');
    await star('off');
  });

  test('the address of earlier versions leads to them', async () => {
    expect((await visitor.get('/ui?prefix=team/')).location).toBe('/ui/repositories?prefix=team%2F');
  });
});

describe('the tags of a repository on the page', () => {
  test('are newest first, without those of signatures, and each names the others of its digest', async () => {
    const page = (await visitor.get('/ui/r/team/app-10')).text;
    expect(tagsIn(page)).toEqual(['1.10', '1.9']);
    expect([page.includes('.sig'), page.includes('= 1.9'), page.includes('= 1.10')]).toEqual([false, true, true]);
    expect(page).toContain('by admin');
  });

  test('are sorted and filtered by their address', async () => {
    const tags = async (query: string) => tagsIn((await visitor.get(`/ui/r/team/app-10?${query}`)).text);
    expect(await tags('sort=name')).toEqual(['1.9', '1.10']);
    expect(await tags('sort=name&direction=desc')).toEqual(['1.10', '1.9']);
    expect(await tags('prefix=1.1&sort=size')).toEqual(['1.10']);
    expect((await visitor.get('/ui/r/team/app-10?prefix=9')).text).toContain('No tag matches.');
  });

  test('say that an image has a signature', async () => {
    await until(async () => (await visitor.get('/ui/r/team/app-10')).text.includes('>signed<'));
    expect((await visitor.get('/ui/r/team/app-9')).text).not.toContain('>signed<');
  });

  test('come with the description and the README', async () => {
    await api('PATCH', '/repository', { repository: 'team/app-9', description: 'A <b>server</b>', readme: '## Use\n\n*it*' });
    const page = (await visitor.get('/ui/r/team/app-9')).text;
    expect(page).toContain('A &#60;b&#62;server&#60;/b&#62;');
    expect(page).toContain('<h3>Use</h3>');
    expect(page).toContain('<em>it</em>');
  });
});

describe('the form for the description and the README', () => {
  const path = '/ui/r/team/app-10/-/settings';
  const readme = '# Use\n\n\tindented 👩‍🚀 <b>\n';
  const texts = async () => (await api('GET', '/repository?repository=team/app-10')).json();
  const save = (fields: object, browser = visitor) =>
    browser.post(`${path}/description`, { action: 'save', description: 'An app', readme, ...fields });

  test('saves both as they were typed, and shows them again', async () => {
    expect(await save({ readme: readme.replaceAll('\n', '\r\n') })).toMatchObject({ status: 303, location: path });
    expect(await texts()).toMatchObject({ description: 'An app', readme, describedBy: 'admin' });
    const page = (await visitor.get(path)).text;
    expect(page).toContain('>\n# Use\n\n\tindented 👩‍🚀 &#60;b&#62;\n</textarea>');
    expect(page).toMatch(/The description is saved[^]*value="An app"[^]*Last changed|Last changed[^]*value="An app"/);
  });

  test('shows a preview, which keeps the input and changes nothing', async () => {
    const before = await texts();
    const { status, text } = await save({ action: 'preview', description: 'Another', readme: '## Next\n\n<script>x' });
    expect(status).toBe(200);
    expect(text).toMatch(/not saved yet[^]*<h3>Next<\/h3>\s*<p>&lt;script&gt;x<\/p>/);
    expect(text).toMatch(/value="Another"[^]*>\n## Next\n\n&#60;script&#62;x<\/textarea>/);
    expect(await texts()).toEqual(before);
  });

  test('keeps a README that is too long, marks its field, and takes one of 64 KiB in any letters', async () => {
    const { status, text } = await save({ readme: 'x'.repeat(65_537) });
    expect([status, text.includes('x'.repeat(65_537))]).toEqual([400, true]);
    expect(text).toMatch(/at most 64 KiB[^]*name="readme"[^>]*aria-invalid="true"/);
    expect((await save({ readme: '镜'.repeat(21_845) })).status).toBe(303);
    expect((await save({ readme: 'x'.repeat(300_000) })).status).toBe(413);
  });

  test('is not there for those who may only pull, and changes nothing in maintenance mode', async () => {
    const user = newVisitor(berth);
    await user.post('/ui/login', { name: 'alice', password: 'wonderland' });
    const form = { action: 'save', description: 'Mine', readme: '' };
    expect((await user.post('/ui/r/team/app-9/-/settings/description', form)).status).toBe(403);
    expect((await user.get('/ui/r/team/app-9/-/settings')).status).toBe(404);
    const before = await texts();
    await api('PUT', '/maintenance', { reason: 'a test' });
    const refused = await save({ description: 'Late' });
    const overApi = await api('PATCH', '/repository', { repository: 'team/app-10', description: 'Late' });
    await api('DELETE', '/maintenance');
    expect([refused.status, overApi.status]).toEqual([405, 405]);
    expect(await texts()).toEqual(before);
  });
});

describe('a README', () => {
  const render = async (source: string) => (await renderMarkdown(source)).text;

  test('has no HTML of its own', async () => {
    const page = await render('<script>alert(1)</script> <img src=x onerror=alert(1)>\n\n<div>x</div>');
    expect(page).not.toMatch(/<(?:script|img|div)/);
    expect(await render('| a |\n|:-:|\n| 1 |')).not.toContain('style');
  });

  test('links to http and https only, without access to the page', async () => {
    expect(await render('[x](https://a.example/?b&c)')).toBe(
      '<p><a href="https://a.example/?b&amp;c" rel="noopener nofollow">x</a></p>\n',
    );
    for (const url of ['javascript:alert(1)', 'data:text/html,x', '//a.example', '/ui/logout', 'vbscript:x', 'JAVASCRIPT:x'])
      expect(await render(`[x](${url}) <${url}> ![x](${url})\n\n[y]: ${url}\n\n[y]`)).not.toContain('href');
  });

  test('shows images as links, in links as their text', async () => {
    expect(await render('![a *cat*](https://a.example/c.png)')).toBe(
      '<p><a href="https://a.example/c.png" rel="noopener nofollow">a cat</a></p>\n',
    );
    expect(await render('[![badge](https://a.example/b.svg)](https://b.example)')).toBe(
      '<p><a href="https://b.example" rel="noopener nofollow">badge</a></p>\n',
    );
  });

  test('shows characters that turn or hide text as escapes', async () => {
    expect(await render('a\u202eb\u200bc')).toBe('<p>a\\u{202e}b\\u{200b}c</p>\n');
  });
});
