import type { Config } from '../../config/schema.ts';
import { sendsAuthorizationOn } from '../http/v2/blob-redirect.ts';

/**
 * Returns what to tell the operator at the start where blobs come through berth although redirects are switched on: the
 * bucket's host is one that clients would send their credentials to. Undefined where redirects work, or where
 * `publicUrl` does not say what clients call this registry.
 */
export function redirectWarning({ publicUrl, storage }: Pick<Config, 'publicUrl' | 'storage'>): string | undefined {
  const { driver, s3 } = storage.blobs;
  const endpoint = s3.publicEndpoint ?? s3.endpoint;
  if (driver !== 's3' || !s3.redirect || publicUrl === undefined || endpoint === undefined) return undefined;
  const [own, bucket] = [new URL(publicUrl).hostname, new URL(endpoint).hostname];
  if (!sendsAuthorizationOn(own, bucket)) return undefined;
  return (
    `clients that have logged in at ${own} would send their credentials on to ${bucket}, and the S3 server would refuse them: ` +
    'their blobs come through berth. Give the S3 server a host name that is not that of the registry, nor below it ' +
    '(storage.blobs.s3.publicEndpoint), or set storage.blobs.s3.redirect to false'
  );
}
