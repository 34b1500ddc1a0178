import { stat, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Config } from '../../../config/schema.ts';
import { metadataFile } from '../../assembly/metadata-store.ts';
import { type Finding, ok, problem, reasonOf, skipped, warning } from './finding.ts';

const name = 'data folder';
/** Below this part of the disk, berth deletes from the trash and the cache of the mirror. */
const leastFree = 0.05;

/** Checks owner, permissions, free space and free inodes of the folders with data. */
export async function checkDataFolder(config: Config): Promise<readonly Finding[]> {
  const { blobs, metadata } = config.storage;
  const folders = [
    ...(blobs.driver === 'filesystem' ? [blobs.directory] : []),
    ...(metadata.driver === 'sqlite' ? [dirname(metadataFile(config))] : []),
  ];
  if (folders.length === 0) return [skipped(name, 'layers and metadata are in other services')];
  return (await Promise.all([...new Set(folders.map((folder) => resolve(folder)))].map(checkFolder))).flat();
}

async function checkFolder(folder: string): Promise<readonly Finding[]> {
  const found = await stat(folder).catch((error: unknown) => reasonOf(error));
  if (typeof found === 'string') return [warning(name, found, 'the first start of the server creates the folder')];
  const { blocks, bfree, files, ffree } = await statfs(folder);
  const user = process.getuid?.();
  const findings: Finding[] = [];
  if (user !== undefined && found.uid !== user)
    findings.push(
      problem(name, `${folder} belongs to uid ${found.uid}, and this is uid ${user}`, 'run commands as the user of the server'),
    );
  if ((found.mode & 0o077) !== 0)
    findings.push(warning(name, `other users can open ${folder}`, `chmod 700 ${folder}; a start of the server does it, too`));
  if (bfree < blocks * leastFree)
    findings.push(warning(name, `the disk of ${folder} is almost full`, 'free space, or set mirror.maxSize'));
  if (files > 0 && ffree < files * leastFree)
    findings.push(warning(name, `the file system of ${folder} has almost no inodes left`, 'make a file system with more inodes'));
  if (findings.length > 0) return findings;
  return [ok(name, `${folder} is private, and ${Math.round((bfree / blocks) * 100)} % of its disk are free`)];
}
