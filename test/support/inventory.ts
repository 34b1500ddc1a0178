import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { StoredEntry } from '../../storage/blobs/driver.ts';

/** An S3 Inventory: the manifest and its files, by key. */
export interface TestInventory {
  readonly manifest: string;
  readonly files: ReadonlyMap<string, Buffer>;
}

export interface TestInventoryOptions {
  readonly bucket: string;
  /** Prefix of the store in the bucket. */
  readonly prefix?: string;
  /** Columns of each row; their values are known by these names. */
  readonly columns?: readonly string[];
  /** Further rows: objects of other versions and elsewhere. */
  readonly extra?: readonly Readonly<Record<string, string>>[];
  readonly fileCount?: number;
  /** Where the files are in their bucket. */
  readonly folder?: string;
}

const allColumns = ['Bucket', 'Key', 'VersionId', 'IsLatest', 'IsDeleteMarker', 'Size', 'LastModifiedDate', 'ETag'];

/** Writes an inventory of the entries as S3 does: its rows are in no order, and keys are URL-encoded. */
export function createInventory(entries: readonly StoredEntry[], options: TestInventoryOptions): TestInventory {
  const { bucket, prefix = '', columns = allColumns, extra = [], fileCount = 3 } = options;
  const { folder = `inventory/${bucket}/all/data` } = options;
  const stored = entries.map(({ path, sizeBytes, modifiedAt }) => ({
    Key: encodeURIComponent(prefix + path)
      .replaceAll('%2F', '/')
      .replaceAll('%20', '+'),
    Size: String(sizeBytes),
    LastModifiedDate: modifiedAt.toISOString(),
  }));
  const usual = {
    Bucket: bucket,
    IsLatest: 'true',
    IsDeleteMarker: 'false',
    VersionId: '',
    ETag: 'd41d8cd98f00b204e9800998ecf8427e',
  };
  const rows = [...stored, ...extra].reverse().map((row): Readonly<Record<string, string>> => ({ ...usual, ...row }));
  const files = new Map<string, Buffer>();
  for (let file = 0; file < fileCount; file++) {
    const lines = rows
      .filter((_, index) => index % fileCount === file)
      .map((row) => `${columns.map((column) => `"${row[column] ?? ''}"`).join(',')}\n`);
    files.set(`${folder}/part-${file}.csv.gz`, gzipSync(lines.join('')));
  }
  const manifest = JSON.stringify({
    sourceBucket: bucket,
    destinationBucket: `arn:aws:s3:::${bucket}`,
    version: '2016-11-30',
    fileFormat: 'CSV',
    fileSchema: columns.join(', '),
    files: [...files].map(([key, bytes]) => ({
      key,
      size: bytes.length,
      MD5checksum: createHash('md5').update(bytes).digest('hex'),
    })),
  });
  return { manifest, files };
}
