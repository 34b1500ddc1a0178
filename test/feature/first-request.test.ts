import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { onFirstRequest } from '../../src/http/server/on-first-request.ts';

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
afterEach(() => void server.close());

async function serve(listener: Listener): Promise<string> {
  server = createServer(listener);
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const echo: Listener = (request, response) => void request.pipe(response);
const post = async (url: string, body: string) => {
  const answer = await fetch(url, { method: 'POST', body });
  return { status: answer.status, text: await answer.text() };
};

test('requests that come while the listener is opened wait for it, with their bodies, and it is opened once', async () => {
  let opened = 0;
  let finish: (listener: Listener) => void = () => undefined;
  const opening = new Promise<Listener>((resolve) => (finish = resolve));
  let arrived = 0;
  const listener = onFirstRequest(() => {
    opened++;
    return opening;
  });
  const url = await serve((request, response) => {
    listener(request, response);
    if (++arrived === 2) finish(echo);
  });
  const answers = await Promise.all([post(url, 'one'), post(url, 'two')]);
  expect(answers).toEqual([
    { status: 200, text: 'one' },
    { status: 200, text: 'two' },
  ]);
  expect(await post(url, 'three')).toEqual({ status: 200, text: 'three' });
  expect(opened).toBe(1);
});

test('a request gets an error if the listener cannot be opened, and the next one opens it', async () => {
  let attempts = 0;
  const url = await serve(onFirstRequest(() => (++attempts === 1 ? Promise.reject(new Error('broken')) : Promise.resolve(echo))));
  expect((await post(url, 'one')).status).toBe(500);
  expect(await post(url, 'two')).toEqual({ status: 200, text: 'two' });
});
