import { describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../config/load.ts';
import { redirectWarning } from '../../src/assembly/redirect-warning.ts';
import { sendsAuthorizationOn } from '../../src/http/v2/blob-redirect.ts';

describe('Go clients send Authorization to a redirect', () => {
  test.each([
    ['registry.example.com', 'registry.example.com', true],
    ['registry.example.com', 's3.registry.example.com', true],
    ['registry.example.com', 's3.example.com', false],
    ['registry.example.com', 'notregistry.example.com', false],
    ['registry.example.com', 'example.com', false],
    ['10.0.0.1', '10.0.0.1', true],
    ['0.0.1', '10.0.0.1', false],
    ['[::1]', '[::1]', true],
  ])('from %s to %s: %p', (from, to, sent) => expect(sendsAuthorizationOn(from, to)).toBe(sent));
});

describe('the warning at the start', () => {
  const warningFor = (settings: Readonly<Record<string, string>>) =>
    redirectWarning(
      loadConfig({
        environment: {
          BERTH_ACCESS_MODE: 'token',
          BERTH_STORAGE_BLOBS_DRIVER: 's3',
          BERTH_STORAGE_BLOBS_S3_BUCKET: 'b',
          ...settings,
        },
      }),
    );
  const below = {
    BERTH_PUBLIC_URL: 'https://registry.example.com',
    BERTH_STORAGE_BLOBS_S3_ENDPOINT: 'https://s3.registry.example.com:9000',
  };

  test('names the hosts if clients would send credentials to the bucket', () => {
    expect(warningFor(below)).toContain('at registry.example.com would send their credentials on to s3.registry.example.com');
  });

  test.each([
    ['another public endpoint', { BERTH_STORAGE_BLOBS_S3_PUBLIC_ENDPOINT: 'https://s3.example.com' }],
    ['no redirects', { BERTH_STORAGE_BLOBS_S3_REDIRECT: 'false' }],
  ])('is absent with %s', (_what, settings) => expect(warningFor({ ...below, ...settings })).toBeUndefined());
});
