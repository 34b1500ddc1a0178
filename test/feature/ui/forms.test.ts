import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type GuardedBerth, admin, adminPassword, apiOf, callAs, pushAs, startWithAlice } from '../../support/access.ts';
import { ociArchive } from '../../support/archives.ts';
import { call } from '../../support/call.ts';
import { realImage } from '../../support/real-image.ts';
import { type Visit, type Visitor, newVisitor } from '../../support/visitor.ts';

/** Views that together have every form of the page. */
const views = [
  '/ui',
  '/ui/repositories',
  '/ui/r/team/app',
  '/ui/r/team/app:1',
  '/ui/r/team/app:1/-/files',
  '/ui/r/team/app/-/history?tag=1',
  '/ui/r/team/app/-/trash',
  '/ui/r/team/app/-/access',
  '/ui/r/team/app/-/settings',
  '/ui/setup',
  '/ui/mirror',
  '/ui/storage',
  '/ui/trash',
  '/ui/upload',
  '/ui/account',
  '/ui/account/tokens',
  '/ui/admin/users',
  '/ui/admin/users/alice',
  '/ui/admin/teams',
  '/ui/admin/teams/devs',
  '/ui/admin/robots',
  '/ui/admin/robots/ci',
  '/ui/admin/grants',
  '/ui/admin/audit',
  '/ui/admin/explain',
  '/ui/r/team/app/-/history',
  '/ui/diff',
  '/ui/search',
  '/ui/storage/retention',
  '/ui/api',
];

/** What the forms of these views are sent to. The login is not among them, and neither are forms of mirrored images and of jobs. */
const expectedForms: readonly string[] = [
  '/ui/account/password',
  '/ui/account/sessions/ID/revoke',
  '/ui/account/tokens',
  '/ui/account/tokens/ID/revoke',
  '/ui/admin/grants',
  '/ui/admin/grants/ID/revoke',
  '/ui/admin/robots',
  '/ui/admin/robots/ci/delete',
  '/ui/admin/robots/ci/disable',
  '/ui/admin/robots/ci/expiry',
  '/ui/admin/robots/ci/rotate',
  '/ui/admin/robots/ci/tokens/ID/revoke',
  '/ui/admin/teams',
  '/ui/admin/teams/devs/delete',
  '/ui/admin/teams/devs/join',
  '/ui/admin/teams/devs/members/alice/remove',
  '/ui/admin/users',
  '/ui/admin/users/alice/delete',
  '/ui/admin/users/alice/disable',
  '/ui/admin/users/alice/password',
  '/ui/admin/users/alice/promote',
  '/ui/admin/users/alice/tokens/ID/revoke',
  '/ui/logout',
  '/ui/preferences',
  '/ui/r/team/app/-/access/give',
  '/ui/r/team/app/-/access/revoke',
  '/ui/r/team/app/-/history/restore',
  '/ui/r/team/app/-/settings/description',
  '/ui/r/team/app/-/settings/visibility',
  '/ui/r/team/app/-/star',
  '/ui/r/team/app/-/tags/delete',
  '/ui/r/team/app/-/trash/empty',
  '/ui/r/team/app/-/trash/restore',
  '/ui/r/team/app:1/-/index',
  '/ui/r/team/app:1/-/retag',
  '/ui/setup/check',
  '/ui/setup/upstream',
  '/ui/storage/collection',
  '/ui/upload',
  '/ui/upload/ID/commit',
  '/ui/upload/ID/discard',
];

interface Field {
  readonly name: string;
  readonly value: string;
  /** True for what a person types; false for what the form sends by itself. */
  readonly isTyped: boolean;
  readonly isPassword: boolean;
}

interface Form {
  readonly view: string;
  readonly action: string;
  readonly isMultipart: boolean;
  readonly fields: readonly Field[];
}

let berth: GuardedBerth;
let visitor: Visitor;
let forms: readonly Form[];
let filters: readonly Form[];
const api = apiOf(() => berth);

beforeAll(async () => {
  berth = await startWithAlice();
  for (const tag of ['1', '1', '2']) await pushAs(berth, admin, 'team/app', tag);
  const { digest } = await pushAs(berth, admin, 'team/app', 'old');
  await callAs(berth, admin, 'DELETE', `/v2/team/app/manifests/${digest}`);
  await berth.administration.createToken({ account: 'alice', name: 'laptop' });
  await berth.administration.createToken({ account: 'admin', name: 'desk' });
  await berth.administration.createRobot({ name: 'ci', grants: ['team/*:pull'], expiresAt: Date.now() + 86_400_000 });
  await berth.administration.createTeam('devs');
  await berth.administration.addMember('devs', 'alice');
  await berth.administration.grant('user:alice', 'team/app', 'pull');
  const headers = { ...admin, 'Content-Type': 'application/x-tar' };
  const body = ociArchive({ 'registry.example.com/team/app:1.9': realImage({}) });
  const uploaded = await call(berth, 'POST', '/api/v1/archives?repository=team', { headers, body });
  const upload = `/ui/upload/${(uploaded.json() as { id: string }).id}`;
  // Another session, so that there is one to end.
  await newVisitor(berth).post('/ui/login', { name: 'admin', password: adminPassword });
  visitor = newVisitor(berth);
  await visitor.post('/ui/login', { name: 'admin', password: adminPassword });
  const found: Form[] = [];
  const searches: Form[] = [];
  for (const view of [...views, upload]) {
    const { status, text } = await visitor.get(view);
    expect([view, status]).toEqual([view, 200]);
    found.push(...formsOf(view, text, 'post'));
    searches.push(...formsOf(view, text, 'get'));
  }
  filters = [...new Map(searches.map((form) => [form.action, form])).values()];
  // The frame of every view has the forms of preferences and of signing out.
  const unique = new Map(
    found.map((form) => [`${form.action} ${form.fields.map(({ name, value }) => name + value).join()}`, form]),
  );
  forms = [...unique.values()].sort((one, other) => orderOf(one) - orderOf(other));
});
afterAll(() => berth.close());

/** Forms that take away what others are about come after these, and the end of the session comes last. */
function orderOf({ action }: Form): number {
  if (action === '/ui/logout') return 2;
  return /(delete|discard|remove|revoke|disable)$/.test(action) ? 1 : 0;
}

function formsOf(view: string, page: string, method: 'get' | 'post'): readonly Form[] {
  return [...page.matchAll(/<form([^>]*)>([^]*?)<\/form>/g)].flatMap(([, attributes = '', content = '']) => {
    const action = attributeOf(attributes, 'action');
    if (attributeOf(attributes, 'method') !== method || action === undefined) return [];
    const selected = content.replace(/<option(?![^>]*selected)[^>]*>/g, '');
    const isMultipart = attributeOf(attributes, 'enctype') === 'multipart/form-data';
    return [{ view, action, isMultipart, fields: [...fieldsOf(content), ...selectsOf(selected)] }];
  });
}

function fieldsOf(content: string): readonly Field[] {
  return [...content.matchAll(/<(input|textarea|button)([^>]*)>/g)].flatMap(([, element, attributes = '']) => {
    const name = attributeOf(attributes, 'name');
    const type = attributeOf(attributes, 'type') ?? 'text';
    if (name === undefined || type === 'file') return [];
    const isFixed = ['hidden', 'checkbox', 'radio'].includes(type) || /\s(readonly|hidden)\b/.test(attributes);
    const isTyped = element === 'textarea' || (element === 'input' && !isFixed);
    return [{ name, value: attributeOf(attributes, 'value') ?? '', isTyped, isPassword: type === 'password' }];
  });
}

function selectsOf(content: string): readonly Field[] {
  return [...content.matchAll(/<select([^>]*)>[^]*?<\/select>/g)].flatMap(([select, attributes = '']) => {
    const name = attributeOf(attributes, 'name');
    const value = /<option[^>]*value="([^"]*)"/.exec(select)?.[1] ?? '';
    return name === undefined ? [] : [{ name, value, isTyped: false, isPassword: false }];
  });
}

function attributeOf(attributes: string, name: string): string | undefined {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(attributes)?.[1];
  return value?.replace(/&#(\d+);/g, (_reference, code) => String.fromCharCode(Number(code)));
}

const typedOf = ({ fields }: Form) => fields.filter(({ isTyped, isPassword }) => isTyped && !isPassword);
const wrong = (name: string) => `!! wrong ${name}`;
const wrongPassword = 'short-7';

/** Sends a form as a person does who types something wrong into each field. */
function send({ action, fields, isMultipart }: Form): Promise<Visit> {
  const body = isMultipart ? new FormData() : new URLSearchParams();
  for (const { name, value, isTyped, isPassword } of fields)
    body.append(name, isPassword ? wrongPassword : isTyped ? wrong(name) : value);
  return visitor.post(action, body);
}

const audit = async () => ((await api('GET', '/audit?limit=1000')).json() as { items: readonly unknown[] }).items.length;

test('every filter and search of the page has its URL, which shows what was typed', async () => {
  expect(filters.map(({ action }) => action)).toEqual(
    expect.arrayContaining([
      '/ui/search',
      '/ui/repositories',
      '/ui/r/team/app',
      '/ui/diff',
      '/ui/admin/audit',
      '/ui/setup',
      '/ui/api',
    ]),
  );
  const lost: string[] = [];
  for (const { action, fields } of filters) {
    const query = new URLSearchParams();
    for (const { name, value, isTyped } of fields) query.append(name, isTyped ? `zz-${name}` : value);
    const { status, text } = await visitor.get(`${action}?${query.toString()}`);
    const missing = fields.filter(({ name, isTyped }) => isTyped && !text.includes(`value="zz-${name}"`));
    if (missing.length > 0) lost.push(`${action} (${status}): ${missing.map(({ name }) => name).join(', ')}`);
  }
  expect(lost).toEqual([]);
});

describe('every form of the page', () => {
  test('is found in its view', () => {
    const actions = new Set(forms.map(({ action }) => action.replace(/[0-9a-f]{8}-[\w-]+/, 'ID').replace(/\/\d+\//, '/ID/')));
    expect([...actions].sort()).toEqual([...expectedForms].sort());
  });

  test('changes nothing when its address is opened instead of the form being sent', async () => {
    const before = await audit();
    for (const { action } of forms) expect([action, (await visitor.get(action)).status < 500]).toEqual([action, true]);
    expect(await audit()).toBe(before);
  });

  test('is answered by a redirect, or by a view with everything that was typed but passwords', async () => {
    const failures: string[] = [];
    for (const form of forms) {
      const { status, location, text } = await send(form);
      const page = status === 303 && location.startsWith('/ui') ? (await visitor.get(location)).text : text;
      const isRejected = status >= 400 || /class="wrong"/.test(page);
      const lost = isRejected ? typedOf(form).filter(({ name }) => !page.includes(wrong(name))) : [];
      if (lost.length > 0) failures.push(`${form.action} (${status}) loses ${lost.map(({ name }) => name).join(', ')}`);
      if (page.includes(wrongPassword)) failures.push(`${form.action} shows a password`);
      if (status !== 303 && (status < 400 || status >= 500)) failures.push(`${form.action} answers ${status}`);
    }
    expect(failures).toEqual([]);
  });
});
