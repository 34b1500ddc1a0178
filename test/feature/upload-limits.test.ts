import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type TestBerth, startBerth } from '../support/berth.ts';
import { call } from '../support/call.ts';
import { checkLimits } from '../../src/registry/upload-limits.ts';
import { startUpload } from '../support/images.ts';

let berth: TestBerth;
beforeAll(async () => {
  berth = await startBerth({
    BERTH_UPLOADS_MAXPERADDRESS: '2',
    BERTH_TRUSTEDPROXIES: '127.0.0.1',
    BERTH_ACCESS_ALLOWOPEN: 'true',
  });
});
afterAll(() => berth.close());

const startFrom = (address: string) =>
  call(berth, 'POST', '/v2/app/blobs/uploads/', { headers: { 'X-Forwarded-For': address, 'Content-Length': '0' } });

test('an address that has too many unfinished uploads gets 429 with Retry-After, until one of them ends', async () => {
  const first = await startFrom('192.0.2.1');
  expect([first.status, (await startFrom('192.0.2.1')).status]).toEqual([202, 202]);
  const refused = await startFrom('192.0.2.1');
  expect([refused.status, refused.codes(), refused.header('retry-after')]).toEqual([429, ['TOOMANYREQUESTS'], '60']);
  expect(refused.body.toString()).toContain('this address has 2 unfinished uploads: finish or cancel some of them');
  expect((await startFrom('192.0.2.2')).status).toBe(202);
  expect((await call(berth, 'DELETE', first.header('location'))).status).toBe(204);
  expect((await startFrom('192.0.2.1')).status).toBe(202);
  expect(await startUpload(berth, 'app')).toContain('/v2/app/blobs/uploads/');
});

test('an account that has too many unfinished uploads gets 429, whatever address it uses', async () => {
  const metadata = {
    uploads: {
      hasOwned: (owner: string, count: number) => Promise.resolve(owner === 'anna' && count <= 2),
      hasFromAddress: () => Promise.resolve(false),
    },
  };
  const check = (owner: string, perAccount: number) => checkLimits(metadata, { perAccount, perAddress: 1 }, owner, '192.0.2.3');
  await expect(check('anna', 2)).rejects.toMatchObject({ status: 429, code: 'TOOMANYREQUESTS' });
  await expect(check('anna', 3)).resolves.toBeUndefined();
  await expect(check('', 1)).resolves.toBeUndefined();
});
