import { type TestBucket, createBucket } from './s3-server.ts';

/** Where a berth of the tests keeps its blobs: its folder, or with TEST_BLOBS=s3 a bucket of its own. */
export interface TestBlobs {
  /** `BERTH_*` variables. */
  readonly settings: Readonly<Record<string, string>>;
  dispose(): Promise<void>;
}

export async function createBlobs(): Promise<TestBlobs> {
  if (process.env['TEST_BLOBS'] !== 's3') return { settings: {}, dispose: () => Promise.resolve() };
  const bucket = await createBucket();
  return { settings: s3Settings(bucket), dispose: bucket.remove };
}

/** Blobs come through berth: what is tested is berth. */
export function s3Settings({ name, endpoint, region, credentials }: TestBucket): Readonly<Record<string, string>> {
  return {
    BERTH_STORAGE_BLOBS_DRIVER: 's3',
    BERTH_STORAGE_BLOBS_S3_BUCKET: name,
    BERTH_STORAGE_BLOBS_S3_ENDPOINT: endpoint,
    BERTH_STORAGE_BLOBS_S3_REGION: region,
    BERTH_STORAGE_BLOBS_S3_FORCE_PATH_STYLE: 'true',
    BERTH_STORAGE_BLOBS_S3_ACCESS_KEY_ID: credentials.accessKeyId,
    BERTH_STORAGE_BLOBS_S3_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    BERTH_STORAGE_BLOBS_S3_REDIRECT: 'false',
  };
}
