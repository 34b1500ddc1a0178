import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type GuardedBerth, alice, aliceUser, apiOf, callAs, startWithAlice } from '../../support/access.ts';
import { dockerEntries, ociArchive } from '../../support/archives.ts';
import { startBerth } from '../../support/berth.ts';
import { realImage } from '../../support/real-image.ts';
import { tarOf } from '../../support/tar.ts';
import { type Visit, type Visitor, newVisitor } from '../../support/visitor.ts';

let berth: GuardedBerth;
let visitor: Visitor;
const api = apiOf(() => berth);

beforeAll(async () => {
  berth = await startWithAlice({ BERTH_TAGS_IMMUTABLE: '**:stable', BERTH_ARCHIVES_MAX_SIZE: '8MiB' });
  await berth.administration.createUser({ name: 'reader', password: 'wonderland', isAdmin: false });
  await berth.administration.grant('user:alice', 'team/**', 'pull,push');
  await berth.administration.grant('user:alice', 'readable', 'pull');
});
afterAll(() => berth.close());
beforeEach(async () => {
  visitor = newVisitor(berth);
  await visitor.post('/ui/login', aliceUser);
});

const app = realImage({ hello: 'app\n' });
const db = realImage({ hello: 'db\n' });

function formWith(archive: Uint8Array, repository = 'team/app', compress = 'keep'): FormData {
  const form = new FormData();
  form.set('repository', repository);
  form.set('compress', compress);
  form.set('archive', new Blob([archive]), 'images.tar');
  return form;
}

async function uploaded(archive = ociArchive({ 'x/app:1': app })): Promise<{ path: string; preview: Visit }> {
  const { status, location } = await visitor.post('/ui/upload', formWith(archive));
  expect([status, location]).toEqual([303, expect.stringMatching(/^\/ui\/upload\/[\w-]{36}$/)]);
  return { path: location, preview: await visitor.get(location) };
}

const rows = (...given: readonly (readonly [image: number, repository: string, tag: string])[]) => {
  const form = new URLSearchParams();
  for (const [at, [image, repository, tag]] of given.entries())
    for (const [name, value] of Object.entries({ image, repository, tag, store: at })) form.append(name, String(value));
  return form;
};

const manifest = async (name: string) => (await callAs(berth, alice, 'HEAD', `/v2/${name}`)).headers['docker-content-digest'];

describe('an upload by a form without scripts', () => {
  test('leads to the images of the file with their targets, and a commit stores them and says so once', async () => {
    const { path, preview } = await uploaded(ociArchive({ 'x/app:1': app, 'x/db:2': db }));
    expect(preview.status).toBe(200);
    for (const text of ['images.tar', 'x/app:1', app.descriptor.digest, 'team/app/app', 'team/app/db', 'linux/amd64'])
      expect(preview.text).toContain(text);
    const answer = await visitor.post(`${path}/commit`, rows([0, 'team/one', '1.0'], [1, 'team/one', '2.0']));
    expect([answer.status, answer.location]).toEqual([303, '/ui/r/team/one']);
    const page = await visitor.get('/ui/r/team/one');
    expect(page.text).toContain('team/one:1.0: stored');
    expect((await visitor.get('/ui/r/team/one')).text).not.toContain('stored');
    expect(await manifest('team/one/manifests/2.0')).toBe(db.descriptor.digest);
    expect((await visitor.get(path)).status).toBe(404);
  });

  test('is listed with its time of expiry until it is stored or discarded, for its account only', async () => {
    const { path } = await uploaded();
    const list = await visitor.get('/ui/upload');
    expect(list.text).toContain(`href="${path}">images.tar</a>`);
    expect(list.text).toMatch(/<td data-label="Deleted unless stored"><time/);
    const id = path.slice('/ui/upload/'.length);
    expect((await api('GET', '/archives', undefined, alice)).json()).toMatchObject({ items: [{ id, fileName: 'images.tar' }] });
    expect((await api('GET', '/archives')).json()).toEqual({ items: [] });
    expect((await visitor.post(`${path}/discard`, {})).location).toBe('/ui/upload');
    const after = await visitor.get('/ui/upload');
    expect(after.text).toContain('The upload was discarded.');
    expect(after.text).not.toContain('images.tar');
  });

  test('with compress makes another manifest for uncompressed layers', async () => {
    const { image, entries } = dockerEntries('team/app:1', { hello: 'hello\n' });
    const { location } = await visitor.post('/ui/upload', formWith(tarOf(entries), 'team/zstd', 'zstd'));
    const page = await visitor.get(location);
    expect([page.status, page.text.includes(image.descriptor.digest)]).toEqual([200, false]);
  });
});

describe('a refused form keeps what was typed, and says what is wrong', () => {
  const refused = async (form: FormData) => {
    const { status, text } = await visitor.post('/ui/upload', form);
    expect(text).toContain('role="alert"');
    return { status, text };
  };

  test.each([
    ['no tar file', formWith(Buffer.from('no tar file'), 'team/kept', 'zstd'), 400, 'expected tar, gzip or zstd, found bytes'],
    ['no repository', formWith(ociArchive({ 'x/app:1': app }), 'Not A Name', 'zstd'), 400, 'Type the name of a repository'],
    ['a repository that is read only', formWith(ociArchive({ 'x/app:1': app }), 'readable', 'zstd'), 403, 'has no right to add'],
    ['a hidden repository', formWith(ociArchive({ 'x/app:1': app }), 'secret', 'zstd'), 404, 'not known to registry'],
    ['too large a file', formWith(Buffer.alloc(9 * 1024 * 1024), 'team/kept', 'zstd'), 413, 'archives.maxSize'],
  ])('%s', async (_what, form, status, message) => {
    const repository = form.get('repository') as string;
    const answer = await refused(form);
    expect(answer.status).toBe(status);
    expect(answer.text).toContain(message);
    expect(answer.text).toContain(`value="${repository}"`);
    expect(answer.text).toContain('<option value="zstd" selected>');
  });

  test('a form without a file', async () => {
    const form = new FormData();
    form.set('repository', 'team/kept');
    expect(await refused(form)).toMatchObject({ status: 400, text: expect.stringContaining('has no file') });
  });

  test('targets that are no names are marked, and those that may not be pushed to are named', async () => {
    const { path } = await uploaded();
    const invalid = await visitor.post(`${path}/commit`, rows([0, 'Team', '-x']));
    expect([invalid.status, invalid.text.match(/aria-invalid="true"/g)?.length]).toEqual([400, 2]);
    expect(invalid.text).toContain('value="Team"');
    const nothing = await visitor.post(`${path}/commit`, new URLSearchParams({ image: '0', repository: 'team/a', tag: '1' }));
    expect([nothing.status, nothing.text.includes('Select at least one image')]).toEqual([400, true]);
    const hidden = await visitor.post(`${path}/commit`, rows([0, 'secret', '1'], [0, 'team/other', '1']));
    expect([hidden.status, hidden.text.includes('secret: repository name not known')]).toEqual([404, true]);
    expect(hidden.text).toContain('value="team/other"');
    expect(await manifest('team/other/manifests/1')).toBeUndefined();
    const missing = await visitor.post(`${path}/commit`, rows([7, 'team/other', '1']));
    expect([missing.status, missing.text.includes('the archive has no image 7')]).toEqual([400, true]);
  });

  test('an immutable tag stays, and no other tag of the form is stored', async () => {
    const first = await uploaded();
    await visitor.post(`${first.path}/commit`, rows([0, 'team/fixed', 'stable']));
    const second = await uploaded(ociArchive({ 'x/db:2': db }));
    const answer = await visitor.post(`${second.path}/commit`, rows([0, 'team/fixed', 'new'], [0, 'team/fixed', 'stable']));
    expect([answer.status >= 400, answer.text.includes('Nothing was stored')]).toEqual([true, true]);
    expect(await manifest('team/fixed/manifests/new')).toBeUndefined();
  });
});

describe('who may upload', () => {
  test('another account finds no upload, and a visitor without a login has to sign in', async () => {
    const { path } = await uploaded();
    const reader = newVisitor(berth);
    await reader.post('/ui/login', { name: 'reader', password: 'wonderland' });
    expect((await reader.get(path)).status).toBe(404);
    expect((await newVisitor(berth).get('/ui/upload')).location).toBe('/ui/login?next=%2Fui%2Fupload');
    expect((await visitor.get('/ui/upload?repository=team/app')).text).toContain('value="team/app"');
    expect((await visitor.get(`${path}x`)).status).toBe(404);
  });

  test('the tags of a repository link to the upload for visitors who may push there', async () => {
    expect((await visitor.get('/ui/r/team/fixed')).text).toContain('href="/ui/upload?repository=team/fixed"');
    expect((await visitor.get('/ui/r/readable')).text).not.toContain('/ui/upload');
  });

  test('a form of another site is refused before its file is read', async () => {
    const answer = await visitor.post('/ui/upload', formWith(Buffer.from('x')), { Origin: 'https://evil.example' });
    expect(answer.status).toBe(403);
  });

  test('in mode open every visitor may upload, unless nobody may push', async () => {
    const [open, closed] = await Promise.all([startBerth(), startBerth({ BERTH_ACCESS_OPEN_ACTIONS: 'pull' })]);
    const answer = await newVisitor(open).post('/ui/upload', formWith(ociArchive({ 'x/app:1': app })));
    expect(answer.status).toBe(303);
    expect((await newVisitor(closed).get('/ui/upload')).status).toBe(403);
    await Promise.all([open.close(), closed.close()]);
  });
});
