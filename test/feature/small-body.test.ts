import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { smallBody } from '../../src/http/transfer/small-body.ts';
import { type GuardedBerth, adminPassword, basic, startGuarded } from '../support/access.ts';
import { call } from '../support/call.ts';

/** A request whose body the test writes. */
function newRequest(headers: Readonly<Record<string, string>> = {}) {
  const stream = new PassThrough();
  const request = Object.assign(stream, { headers, complete: false }) as unknown as IncomingMessage;
  const end = (text: string) => {
    Object.assign(stream, { complete: true });
    stream.end(text);
  };
  return { stream, request, end };
}
const response = new ServerResponse(new IncomingMessage(new Socket()));

describe('a small body', () => {
  test('is read completely', async () => {
    const { request, stream, end } = newRequest();
    stream.write('grant_type=');
    end('password');
    expect((await smallBody(request, response, 100)).toString()).toBe('grant_type=password');
  });

  test('that continues after its deadline is refused with 408, also if it arrives steadily', async () => {
    const { request, stream } = newRequest();
    const deadline = new AbortController();
    const read = smallBody(request, response, 100, deadline.signal);
    stream.write('a');
    deadline.abort();
    await expect(read).rejects.toMatchObject({ status: 408 });
  });

  test('that is too large or compressed is refused', async () => {
    const { request, end } = newRequest();
    end('x'.repeat(101));
    await expect(smallBody(request, response, 100)).rejects.toMatchObject({ status: 413 });
    await expect(smallBody(newRequest({ 'content-length': '101' }).request, response, 100)).rejects.toMatchObject({
      status: 413,
    });
    await expect(smallBody(newRequest({ 'content-encoding': 'gzip' }).request, response, 100)).rejects.toMatchObject({
      status: 415,
    });
  });
});

describe('over HTTP', () => {
  let berth: GuardedBerth;
  beforeAll(async () => {
    berth = await startGuarded();
  });
  afterAll(() => berth.close());
  const json = { 'Content-Type': 'application/json' };

  test('/api/v1 checks the login before it reads the body', async () => {
    const body = 'no JSON'.repeat(200_000);
    expect((await call(berth, 'POST', '/api/v1/users', { headers: json, body })).status).toBe(401);
    const known = { ...json, ...basic('admin', adminPassword) };
    expect((await call(berth, 'POST', '/api/v1/users', { headers: known, body })).status).toBe(413);
    const answer = await call(berth, 'POST', '/api/v1/users', { headers: known, body: 'no JSON' });
    expect([answer.status, answer.body.toString()]).toEqual([400, expect.stringContaining('not JSON')]);
  });

  test('/token refuses a form that is too large', async () => {
    const answer = await call(berth, 'POST', '/token', { body: 'x'.repeat(70_000) });
    expect([answer.status, answer.codes()]).toEqual([413, ['UNSUPPORTED']]);
  });
});
