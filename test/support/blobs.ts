import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestBucket, createBucket } from './s3-server.ts';

export type LitterFolder = 'growing' | 'temporary';

/** Where a berth of the tests keeps its blobs: its folder, or with TEST_BLOBS=s3 a bucket of its own. */
export interface TestBlobs {
  /** `BERTH_*` variables. */
  readonly settings: Readonly<Record<string, string>>;
  /** Resolves to the names of the files beside the objects, for a berth with that folder. */
  litter(folder: LitterFolder, directory: string): Promise<readonly string[]>;
  dispose(): Promise<void>;
}

export async function createBlobs(): Promise<TestBlobs> {
  if (process.env['TEST_BLOBS'] !== 's3') return inFolder;
  const bucket = await createBucket();
  return {
    settings: s3Settings(bucket),
    async litter(folder) {
      const { Contents = [] } = await bucket.s3.listObjectsV2({ Bucket: bucket.name, Prefix: `.berth/${folder}/` });
      return Contents.map(({ Key = '' }) => Key);
    },
    dispose: bucket.remove,
  };
}

const inFolder: TestBlobs = {
  settings: {},
  litter: (folder, directory) => readdir(join(directory, '.berth', folder)),
  dispose: () => Promise.resolve(),
};

/** Without redirects, so that tests get blobs from berth. */
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
