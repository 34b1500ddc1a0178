import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type GuardedBerth, adminPassword, basic, callAs, pushAs, startGuarded } from '../../support/access.ts';
import { startBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { pushImage } from '../../support/images.ts';
import { type Visitor, newVisitor } from '../../support/visitor.ts';

let berth: GuardedBerth;
let visitor: Visitor;
const admin = basic('admin', adminPassword);
let repository = '';
let count = 0;

beforeAll(async () => {
  berth = await startGuarded({ BERTH_TAGS_IMMUTABLE: '**:fixed-*' });
  await berth.administration.createUser({ name: 'bob', password: 'builder-12', isAdmin: false });
  await berth.administration.grant('user:bob', 'team/**', 'pull');
});
afterAll(() => berth.close());
beforeEach(async () => {
  repository = `team/app-${++count}`;
  visitor = newVisitor(berth);
  await visitor.post('/ui/login', { name: 'admin', password: adminPassword });
});

const statusOf = async (tag: string) => (await callAs(berth, admin, 'GET', `/v2/${repository}/manifests/${tag}`)).status;
const view = async (path = '') => (await visitor.get(`/ui/r/${repository}${path}`)).text;
const notice = (page: string) => [...page.matchAll(/<p>([^<]*)<\/p>/g)].map(([, line]) => line);

/** Sends a form with several tags, as checkboxes do. */
async function deleteTags(action: string, tags: readonly string[], fields: Readonly<Record<string, string>> = {}) {
  const form = new URLSearchParams({ action, ...fields });
  for (const tag of tags) form.append('tag', tag);
  return visitor.post(`/ui/r/${repository}/-/tags/delete`, form);
}

describe('tags that are deleted on the page', () => {
  test('go to the trash with their image, and Undo brings them back', async () => {
    await pushAs(berth, admin, repository, 'v1');
    expect((await deleteTags('delete', ['v1'])).location).toBe(`/ui/r/${repository}`);
    const page = await view();
    expect(notice(page)).toContain('v1: deleted');
    expect([await statusOf('v1'), (await view()).includes('v1: deleted')]).toEqual([404, false]);
    const entry = /name="entry" value="(\d+)"/.exec(page)?.[1] ?? '';
    expect((await visitor.post(`/ui/r/${repository}/-/trash/restore`, { entry })).status).toBe(303);
    expect([await statusOf('v1'), notice(await view())[0]]).toEqual([200, 'Restored: v1']);
  });

  test('leave the image where another tag of it is not selected, and are one deletion where all are', async () => {
    const image = await pushAs(berth, admin, repository, 'v1');
    const headers = { 'Content-Type': 'application/vnd.oci.image.manifest.v1+json' };
    await callAs(berth, admin, 'PUT', `/v2/${repository}/manifests/latest`, { headers, body: image.manifest });
    expect(await view()).toContain('= latest');
    await deleteTags('delete', ['v1']);
    expect([await statusOf('v1'), await statusOf('latest')]).toEqual([404, 200]);
    await callAs(berth, admin, 'PUT', `/v2/${repository}/manifests/v1`, { headers, body: image.manifest });
    await deleteTags('delete', ['v1', 'latest']);
    expect(notice(await view())).toContain('latest, v1: deleted');
    expect((await view('/-/trash')).match(/name="entry"/g)).toHaveLength(2);
  });

  test('are reported each for itself', async () => {
    for (const tag of ['v1', 'fixed-1', 'v2']) await pushAs(berth, admin, repository, tag);
    await deleteTags('delete', ['v1', 'fixed-1', 'v2', 'never-there']);
    const lines = notice(await view());
    expect(lines.slice(0, 3)).toEqual(['v1: deleted', expect.stringMatching(/^fixed-1: .* is immutable/), 'v2: deleted']);
    expect(lines[3]).toMatch(/^never-there: /);
    expect([await statusOf('v1'), await statusOf('fixed-1')]).toEqual([404, 200]);
  });

  test('can be removed without their image', async () => {
    const { digest } = await pushAs(berth, admin, repository, 'v1');
    await deleteTags('untag', ['v1']);
    expect([await statusOf('v1'), await statusOf(digest)]).toEqual([404, 200]);
    await deleteTags('untag', []);
    expect(notice(await view())).toContain('Select at least one tag.');
  });

  test('are not deleted for somebody who may only pull, who sees neither button nor trash', async () => {
    await pushAs(berth, admin, repository, 'v1');
    const bob = newVisitor(berth);
    await bob.post('/ui/login', { name: 'bob', password: 'builder-12' });
    const page = (await bob.get(`/ui/r/${repository}`)).text;
    expect([page.includes('checkbox'), page.includes('/-/trash')]).toEqual([false, false]);
    expect((await bob.get(`/ui/r/${repository}/-/trash`)).status).toBe(404);
    expect((await bob.post(`/ui/r/${repository}/-/tags/delete`, { action: 'delete', tag: 'v1' })).status).toBe(403);
    expect((await bob.post(`/ui/r/${repository}/-/history/restore`, { tag: 'v1', digest: 'x' })).status).toBe(403);
    expect((await bob.post('/ui/r/other/app/-/tags/delete', { action: 'delete', tag: 'v1' })).status).toBe(404);
    expect(await statusOf('v1')).toBe(200);
  });

  test('need the name of the repository where there is no trash', async () => {
    const open = await startBerth({ BERTH_TRASH_WINDOW: '0s' });
    await pushImage(open, 'app', 'v1');
    const anybody = newVisitor(open);
    const asked = await anybody.post('/ui/r/app/-/tags/delete', { action: 'delete', tag: 'v1' });
    expect([asked.status, asked.text.includes('name="confirm"')]).toEqual([200, true]);
    const wrong = await anybody.post('/ui/r/app/-/tags/delete', { action: 'delete', tag: 'v1', confirm: 'ap' });
    expect([wrong.status, (await call(open, 'GET', '/v2/app/manifests/v1')).status]).toEqual([400, 200]);
    await anybody.post('/ui/r/app/-/tags/delete', { action: 'delete', tag: 'v1', confirm: 'app' });
    expect((await call(open, 'GET', '/v2/app/manifests/v1')).status).toBe(404);
    await open.close();
  });
});

describe('the trash of a repository', () => {
  test('shows who deleted what, and deletes it for good', async () => {
    await pushAs(berth, admin, repository, 'v1');
    await deleteTags('delete', ['v1']);
    await view();
    const page = await view('/-/trash');
    expect(page).toMatch(/<td data-label="Tags">v1<\/td>[^]*<td data-label="By">admin<\/td>/);
    const entry = /name="entry" value="(\d+)"/.exec(page)?.[1] ?? '';
    await visitor.post(`/ui/r/${repository}/-/trash/empty`, { entry });
    expect(await view('/-/trash')).toContain('The trash is empty.');
    expect((await visitor.post(`/ui/r/${repository}/-/trash/restore`, { entry })).location).toBe(`/ui/r/${repository}/-/trash`);
    expect((await visitor.post(`/ui/r/${repository}/-/trash/restore`, { entry: '1e999' })).status).toBe(404);
  });
});

describe('the history of a tag', () => {
  test('shows who moved it from where to where, and lets it point there again', async () => {
    const first = await pushAs(berth, admin, repository, 'v1');
    const second = await pushAs(berth, admin, repository, 'v1');
    expect(await view('/-/history')).toContain('<a class="chip" href="?tag=v1">v1</a>');
    const page = await view('/-/history?tag=v1');
    expect([...page.matchAll(/<td data-label="To"><code title="([^"]+)"/g)].map(([, digest]) => digest)).toEqual([
      second.digest,
      first.digest,
    ]);
    const answer = await visitor.post(`/ui/r/${repository}/-/history/restore`, { tag: 'v1', digest: first.digest });
    expect(answer.location).toBe(`/ui/r/${repository}/-/history?tag=v1`);
    const moved = await callAs(berth, admin, 'HEAD', `/v2/${repository}/manifests/v1`);
    expect(moved.headers['docker-content-digest']).toBe(first.digest);
    expect(notice(await view('/-/history?tag=v1'))[0]).toBe(`v1 points at ${first.digest} again`);
  });

  test('is empty for a tag that never was, and for nonsense', async () => {
    await pushAs(berth, admin, repository, 'v1');
    expect(await view('/-/history?tag=v9')).toContain('No move of this tag is recorded.');
    expect((await visitor.get(`/ui/r/${repository}/-/history?tag=%00&before=x`)).status).toBe(200);
    expect((await visitor.get(`/ui/r/${repository}/-/nothing`)).status).toBe(404);
    expect((await visitor.get(`/ui/r/${repository}/-/constructor`)).status).toBe(404);
  });
});
