import type { BlobDriver, ObjectKey } from '../../../storage/blobs/driver.ts';
import { blobsPrefix } from '../../../storage/blobs/layout.ts';
import { type DatabaseContent, contentOf } from '../../../storage/metadata/sqlite/content.ts';
import { MetadataError } from '../../../storage/metadata/store.ts';

/** An image has at least a manifest, a configuration and a layer. */
const leastImageObjects = 3;

const descriptions: Readonly<Record<Exclude<DatabaseContent, 'some'>, string>> = {
  'no file': 'does not exist',
  'empty file': 'is empty',
  'no tables': 'has no tables (its -wal file is missing)',
  none: 'records no content (its -wal file may be missing)',
};

/**
 * Throws `lost` when the SQLite file records no content although the blob store has blobs: berth would start as an empty
 * registry, and what it creates then would hide the loss. Call it before the file is opened.
 */
export async function refuseLostMetadata(file: string, driver: BlobDriver): Promise<void> {
  const content = await contentOf(file);
  if (content === 'some') return;
  // Bytes come before records: the first push into a new registry may have been interrupted between the two.
  const least = content === 'none' ? leastImageObjects : 1;
  if (!(await hasBlobs(driver, least))) return;
  throw new MetadataError('lost', messageOf(file, descriptions[content]));
}

async function hasBlobs(driver: BlobDriver, least: number): Promise<boolean> {
  const found: ObjectKey[] = [];
  for await (const key of driver.list(blobsPrefix)) {
    found.push(key);
    if (found.length >= least) return true;
  }
  return false;
}

function messageOf(file: string, description: string): string {
  return [
    `${file} ${description}, but the blob store holds blobs: berth would start as an empty registry. Either`,
    `  put ${file} back together with its -wal file, or restore a backup: berth restore latest (docs/backup.md),`,
    '  or set storage.metadata.file to where the file is,',
    '  or, to start an empty registry, choose another storage.blobs.directory (or bucket), or delete the blobs.',
  ].join('\n');
}
