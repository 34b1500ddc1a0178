import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type TestBerth, startBerth } from '../../support/berth.ts';
import { type Answer, call } from '../../support/call.ts';
import { runCommand } from '../../support/command.ts';
import { until } from '../../support/until.ts';

let berth: TestBerth;

beforeAll(async () => {
  berth = await startBerth({ BERTH_ACCESS_MODE: 'token', BERTH_ACCESS_ADMIN_PASSWORD: 'password', BERTH_BACKUP_KEEP: '2' });
});
afterAll(() => berth.close());

const api = (method: string, path: string, body?: unknown): Promise<Answer> =>
  call(berth, method, `/api/v1${path}`, {
    headers: { Authorization: `Basic ${Buffer.from('admin:password').toString('base64')}`, 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
const listed = async () => ((await api('GET', '/backups')).json() as { items: { name: string; sizeBytes: number }[] }).items;

test('backups are made by command and by the API, listed newest first, and the oldest beyond backup.keep are deleted', async () => {
  expect(await listed()).toEqual([]);
  const first = JSON.parse((await runCommand(['backup', 'create', '--json'], berth.environment)).stdout) as { name: string };
  const begun = await api('POST', '/backups', {});
  expect(begun.status).toBe(201);
  const second = begun.json() as { name: string };
  await until(async () => (await listed()).length === 2);
  expect((await listed()).map(({ name }) => name)).toEqual([second.name, first.name]);
  const third = await runCommand(['backup', 'create'], berth.environment);
  expect(third).toMatchObject({ code: 0, stderr: expect.stringContaining('backup 100 %') });
  const names = (await listed()).map(({ name }) => name);
  expect(names).toHaveLength(2);
  expect(names).not.toContain(first.name);
  const printed = JSON.parse((await runCommand(['backup', 'list', '--json'], berth.environment)).stdout) as { name: string }[];
  expect(printed.map(({ name }) => name)).toEqual(names);
  expect((await call(berth, 'GET', '/metrics')).body.toString()).toMatch(/^berth_backup_age_seconds \d/m);
});
