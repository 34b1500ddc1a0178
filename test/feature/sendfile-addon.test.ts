import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { sendfileIsAvailable } from '../../src/http/transfer/native/sendfile.ts';

const addon = resolve(import.meta.dirname, '../../src/http/transfer/native/sendfile.node');

test('blobs are sent by sendfile if the addon has been built', () => {
  expect(sendfileIsAvailable).toBe(existsSync(addon));
});
