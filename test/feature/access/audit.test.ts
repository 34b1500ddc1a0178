import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { AuditEvent } from '../../../storage/metadata/queries/steps/events.ts';
import { loadConfig } from '../../../config/load.ts';
import { createAccess } from '../../../src/access/access.ts';
import { openMetadata } from '../../../src/assembly/metadata-store.ts';
import { createAudit } from '../../../src/access/accounts/audit.ts';
import { createRefusals } from '../../../src/access/accounts/refusals.ts';
import { prettyLine } from '../../../src/observability/pretty.ts';
import { printable } from '../../../src/observability/printable.ts';
import { html } from '../../../src/http/ui/shell/html.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { type GuardedBerth, admin, alice, askToken, basic, callAs, pushAs, startWithAlice } from '../../support/access.ts';
import { startBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { runCommand } from '../../support/command.ts';
import { digestOf, newImage, pushImage } from '../../support/images.ts';
import { gate, until } from '../../support/until.ts';
import { wrapOperations } from '../../support/wrapped-metadata.ts';

let berth: GuardedBerth;

beforeAll(async () => {
  berth = await startWithAlice();
});
afterAll(() => berth.close());

interface Line extends Omit<AuditEvent, 'at' | 'detail'> {
  readonly detail: Readonly<Record<string, unknown>>;
}
async function lines(filter: { readonly actor?: string; readonly target?: string }): Promise<readonly Line[]> {
  const found = await berth.metadata.audit.list(filter, Number.MAX_SAFE_INTEGER, 1000);
  return found.map(({ actor, address, action, target, result, detail }) => ({
    actor,
    address,
    action,
    target,
    result: result as Line['result'],
    detail: JSON.parse(detail ?? '{}') as Line['detail'],
  }));
}
const fail = (): never => {
  throw new Error('the audit log is not written by itself');
};
const refusalsOf = async (filter: Parameters<typeof lines>[0]) =>
  (await lines(filter)).filter(({ result }) => result === 'refused');

describe('the audit log of content', () => {
  test('records a push with the former digests of its tags', async () => {
    const first = await pushAs(berth, alice, 'alice/moved', 'latest');
    const second = newImage();
    for (const bytes of [second.layer, second.config]) {
      await callAs(berth, alice, 'POST', `/v2/alice/moved/blobs/uploads/?digest=${digestOf(bytes)}`, { body: bytes });
    }
    const headers = { 'Content-Type': mediaTypes.ociManifest };
    const digest = digestOf(second.manifest);
    const path = `/v2/alice/moved/manifests/${digest}?tag=latest&tag=2`;
    expect((await callAs(berth, alice, 'PUT', path, { body: second.manifest, headers })).status).toBe(201);
    // No waiting: the line is there when the push is answered.
    const own = { actor: 'alice', address: '127.0.0.1', action: 'manifest.push', target: 'alice/moved', result: 'done' };
    expect(await lines({ target: 'alice/moved' })).toEqual([
      {
        ...own,
        detail: {
          digest,
          tags: [
            { name: '2', before: null },
            { name: 'latest', before: digestOf(first.manifest) },
          ],
        },
      },
      { ...own, detail: { digest: digestOf(first.manifest), tags: [{ name: 'latest', before: null }] } },
    ]);
  });

  test('records mounts and deletions of tags, manifests and blobs', async () => {
    const image = await pushAs(berth, alice, 'alice/gone', '1');
    const [digest, layer] = [digestOf(image.manifest), digestOf(image.layer)];
    const mount = `/v2/alice/mounted/blobs/uploads/?mount=${layer}&from=alice/gone`;
    expect((await call(berth, 'POST', mount, { headers: { ...alice, 'Content-Length': 0 } })).status).toBe(201);
    const headers = { ...alice, 'Content-Type': mediaTypes.ociManifest };
    await call(berth, 'PUT', '/v2/alice/gone/manifests/2', { headers, body: image.manifest });
    for (const path of [`manifests/1`, `manifests/${digest}`, `blobs/${layer}`]) {
      expect((await call(berth, 'DELETE', `/v2/alice/gone/${path}`, { headers: alice })).status).toBe(202);
    }
    expect(await lines({ target: 'alice/mounted' })).toMatchObject([
      { action: 'blob.mount', detail: { digest: layer, from: 'alice/gone' } },
    ]);
    expect((await lines({ target: 'alice/gone' })).slice(0, 3)).toMatchObject([
      { action: 'blob.delete', detail: { digest: layer } },
      { action: 'manifest.delete', detail: { digest, tags: ['2'] } },
      { action: 'tag.delete', detail: { tag: '1', digest } },
    ]);
  });
});

describe('the audit log records a login before its answer', () => {
  test('with a password', async () => {
    await berth.administration.createUser({ name: 'dora', password: 'red shoes', isAdmin: false });
    const [isWriting, mayWrite] = [gate(), gate()];
    const slow = wrapOperations(berth.metadata, (operation, id) => {
      if (id !== 'audit.record') return operation;
      return async (...args) => {
        isWriting.open();
        await mayWrite.opened;
        return operation(...args);
      };
    });
    const audit = createAudit(slow, Date.now, () => undefined);
    const options = { metadata: slow, now: Date.now, audit, reservedNames: new Set<string>(), workloadRules: [] };
    const access = createAccess({ ...options, tokenSeconds: 300, anonymousPullsPublic: true });
    let isAnswered = false;
    const { Authorization } = basic('dora', 'red shoes');
    const answered = access.authenticator.principal(Authorization, '10.0.0.1').then(() => (isAnswered = true));
    await isWriting.opened;
    expect(isAnswered).toBe(false);
    mayWrite.open();
    await answered;
    expect(await lines({ actor: 'dora' })).toMatchObject([{ action: 'login', address: '10.0.0.1', result: 'done' }]);
    await audit.flush();
  });

  test('with a secret, in the write of its last use', async () => {
    const { secret } = await berth.administration.createRobot({ name: 'loader', grants: [] });
    const audit = { record: fail, recordLogin: fail };
    const options = { metadata: berth.metadata, now: Date.now, audit, reservedNames: new Set<string>(), workloadRules: [] };
    const access = createAccess({ ...options, tokenSeconds: 300, anonymousPullsPublic: true });
    await access.authenticator.principal(basic('loader', secret).Authorization, '10.0.0.1');
    expect(await lines({ actor: 'loader' })).toMatchObject([{ action: 'login', result: 'done', detail: { kind: 'robot' } }]);
  });
});

test('an event has the id of its request, which the answer and the log have too', async () => {
  const headers = { ...admin, 'Content-Type': 'application/json' };
  const created = await call(berth, 'POST', '/api/v1/teams', { headers, body: '{"name":"painters"}' });
  expect(created.status).toBe(201);
  const image = await pushAs(berth, alice, 'alice/traced', '1');
  const deleted = await callAs(berth, alice, 'DELETE', `/v2/alice/traced/manifests/${digestOf(image.manifest)}`);
  const events = await berth.metadata.events.list(0, Number.MAX_SAFE_INTEGER, 1000);
  const requestOf = (kind: string, target: string) =>
    events.find((event) => event.kind === kind && event.target === target)?.requestId;
  expect(requestOf('team.create', 'painters')).toBe(created.headers['x-request-id']);
  expect(requestOf('manifest.delete', 'alice/traced')).toBe(deleted.headers['x-request-id']);
});

test('changes of content are events in mode open too', async () => {
  const open = await startBerth();
  const metadata = await openMetadata(loadConfig({ environment: open.environment }));
  await pushImage(open, 'app', '1');
  const events = await metadata.events.list(0, Number.MAX_SAFE_INTEGER, 10);
  expect(events).toMatchObject([{ kind: 'manifest.push', actor: '', address: '127.0.0.1', content: { repository: 'app' } }]);
  await metadata.close();
  await open.close();
});

describe('the audit log records refusals', () => {
  test('of the API', async () => {
    const headers = { ...alice, 'Content-Type': 'application/json' };
    await call(berth, 'POST', '/api/v1/robots?secret=x', { headers, body: '{"name":"x"}' });
    const line = { action: 'api', target: 'POST /api/v1/robots', actor: 'alice', result: 'refused' };
    await until(async () => (await refusalsOf({ target: line.target })).length > 0);
    expect(await refusalsOf({ target: line.target })).toMatchObject([line]);
  });

  test('of pulls and deletions that answer as if the repository did not exist', async () => {
    await pushAs(berth, admin, 'hidden/app', '1');
    for (const [method, path] of [
      ['GET', 'manifests/1'],
      ['DELETE', 'manifests/1'],
    ] as const) {
      expect((await call(berth, method, `/v2/hidden/app/${path}`, { headers: alice })).status).toBe(404);
    }
    await until(async () => (await refusalsOf({ target: 'hidden/app' })).length === 2);
    const lines = await refusalsOf({ target: 'hidden/app' });
    expect(lines.map(({ actor, action }) => `${actor} ${action}`).sort()).toEqual(['alice delete', 'alice pull']);
  });

  test('of access tokens, robots, refresh tokens and bearer tokens', async () => {
    const robot = await berth.administration.createRobot({ name: 'crane', grants: [] });
    const wrong = robot.secret.replace(/.{20}$/, 'x'.repeat(20));
    await call(berth, 'GET', '/v2/', { headers: basic('crane', wrong) });
    await call(berth, 'GET', '/v2/', {
      headers: basic('crane', wrong.replace('robot', 'pat').slice(0, 43 + 'berth_pat_'.length)),
    });
    const body = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: `berth_refresh_${'x'.repeat(43)}`,
    }).toString();
    await call(berth, 'POST', '/token', { body });
    const bearer = await askToken(berth, alice);
    await call(berth, 'GET', '/v2/', { headers: { Authorization: `Bearer ${bearer.slice(0, -8)}AAAAAAAA` } });
    const kinds = async () =>
      [...(await refusalsOf({ actor: 'crane' })), ...(await refusalsOf({ actor: '' }))].map(({ detail }) => detail['kind']);
    await until(async () => (await kinds()).length === 4);
    expect((await kinds()).sort()).toEqual(['bearer', 'personal', 'refresh', 'robot']);
    expect(JSON.stringify(await lines({}))).not.toContain('xxxxxxxx');
  });
});

describe('many refusals', () => {
  const at = 1_000_000;
  const refusal = (actor: string, target: string, isClaimed = false) =>
    ({ at, actor, address: '10.0.0.1', action: 'push', target, result: 'refused', isClaimed }) as const;

  test('of one kind are one line, and a count at the end of their minute', () => {
    const refusals = createRefusals();
    for (let count = 0; count < 1000; count++) refusals.add({ ...refusal('eve', 'a'), at: at + count });
    expect(refusals.takeDue(at + 1000)).toEqual([expect.objectContaining({ actor: 'eve', target: 'a', at })]);
    expect(refusals.takeDue(at + 2000)).toEqual([]);
    expect(refusals.takeDue(at + 60_000)).toMatchObject([{ actor: 'eve', target: 'a', at: at + 999, detail: '{"more":999}' }]);
    expect(refusals.hasAny()).toBe(false);
  });

  test('of one account do not displace those of another', () => {
    const refusals = createRefusals();
    for (let count = 0; count < 10_000; count++) refusals.add(refusal('eve', `target ${count}`));
    refusals.add(refusal('bob', 'b'));
    const taken = refusals.takeAll();
    expect(taken).toHaveLength(52);
    expect(taken).toContainEqual(expect.objectContaining({ actor: 'bob', target: 'b' }));
    expect(taken).toContainEqual(expect.objectContaining({ actor: 'eve', action: 'refusals', detail: '{"more":9950}' }));
  });

  test('under invented names count for the network of their client', () => {
    const refusals = createRefusals();
    for (let count = 0; count < 10_000; count++) {
      refusals.add({ ...refusal(`name ${count}`, '', true), address: `2001:db8:1:2::${(count % 9).toString(16)}` });
    }
    refusals.add(refusal('bob', 'b'));
    expect(refusals.takeAll()).toHaveLength(52);
  });

  test('of very many clients are bounded and lose no count', () => {
    const refusals = createRefusals();
    for (let count = 0; count < 5000; count++) refusals.add(refusal(`account ${count}`, 'a'));
    const taken = refusals.takeAll();
    expect(taken).toHaveLength(101);
    expect(taken).toContainEqual(expect.objectContaining({ actor: '', action: 'refusals', detail: '{"more":4900}' }));
  });

  test('of clients without a login do not displace those of accounts', () => {
    const refusals = createRefusals();
    for (let count = 0; count < 5000; count++) {
      refusals.add({ ...refusal('x', '', true), address: `10.0.${count >> 8}.${count & 255}` });
    }
    refusals.add(refusal('bob', 'b'));
    expect(refusals.takeAll()).toContainEqual(expect.objectContaining({ actor: 'bob', target: 'b' }));
  });

  test('do not displace completed changes, which are kept while the store takes nothing', async () => {
    let isDown = true;
    const written: AuditEvent[] = [];
    const failures: unknown[] = [];
    const recordAudit = (events: readonly AuditEvent[]) =>
      isDown ? Promise.reject(new Error('down')) : Promise.resolve(void written.push(...events));
    const audit = createAudit(
      { audit: { record: recordAudit } } as never,
      () => at,
      (error) => failures.push(error),
    );
    for (let count = 0; count < 5000; count++) audit.record(refusal('eve', `target ${count}`));
    audit.record({ actor: 'bob', address: '', action: 'login', target: 'bob', result: 'done' });
    await audit.flush();
    expect(written).toEqual([]);
    expect(failures.length).toBeGreaterThan(0);
    isDown = false;
    await audit.flush();
    expect(written).toMatchObject([{ actor: 'bob', action: 'login' }]);
  });
});

describe('text of clients', () => {
  const evil = 'a\n2026 root\u{1b}[2J\u{9b}31m\u{202e}\u{2028}\u{7f}\u{200b}é';

  test('has no control, direction or invisible character on a terminal, in the log or on the page', () => {
    const shown = String.raw`a\n2026 root\u{1b}[2J\u{9b}31m\u{202e}\u{2028}\u{7f}\u{200b}é`;
    expect(printable(evil)).toBe(shown);
    expect(html`<p>${evil}</p>`.text).toBe(`<p>${shown}</p>`);
    const line = prettyLine(JSON.stringify({ time: '2026-01-01T00:00:00.000Z', level: 'info', msg: evil, url: evil, ok: 'x' }));
    expect(line).toContain(shown);
    expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  });

  test('adds no field to a log line', () => {
    const line = prettyLine(JSON.stringify({ time: '', level: 'info', agent: 'x status=200', quoted: 'a"b', plain: 'y' }));
    expect(line).toContain('agent="x status=200" quoted="a\\"b" plain=y');
  });

  test('forges no line of berth audit', async () => {
    await call(berth, 'GET', '/v2/', { headers: basic(evil, 'wrong') });
    await until(async () => (await lines({ actor: evil })).length > 0);
    const { stdout } = await runCommand(['audit', '--actor', evil], berth.environment);
    expect(stdout.split('\n')).toHaveLength(3);
    expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  });
});

test('an administrator reads all of it by the API', async () => {
  const answer = await call(berth, 'GET', '/api/v1/audit?target=alice/moved', { headers: admin });
  expect((answer.json() as { items: unknown[] }).items).toContainEqual(
    expect.objectContaining({
      action: 'manifest.push',
      detail: expect.objectContaining({ digest: expect.stringMatching(/^sha256:/) }),
    }),
  );
});
