import { openArchiveExports } from '../../../assembly/archives.ts';
import { openBlobStore } from '../../../assembly/blob-store.ts';
import { openMetadata } from '../../../assembly/metadata-store.ts';
import { type Platform, parsePlatform } from '../../../oci/platform.ts';
import { createRegistry } from '../../../registry/registry.ts';
import { locateMetadata } from '../../accounts/admin-command.ts';
import { readReference } from '../../content/content-command.ts';
import { type Invocation, UsageError } from '../../program/command.ts';
import { printValue } from '../../program/output.ts';
import { inUnits } from '../../program/progress.ts';
import { toCommandError } from '../../program/registry-error.ts';
import { writeArchive } from './write-archive.ts';

/** `berth export REF... --output FILE`: writes images into one tar file, also beside a running server. */
export async function exportImages(invocation: Invocation): Promise<void> {
  const { operands, options, config, warn } = invocation;
  const names = operands.map(readReference);
  const file = options['output'];
  if (typeof file !== 'string') throw new UsageError('missing --output FILE\nusage: berth export REF... --output FILE');
  const platform = readPlatformOption(options['platform']);
  const host = typeof options['host'] === 'string' ? options['host'] : undefined;
  const settings = config();
  warn(`using the data in ${locateMetadata(settings)}`);
  const [driver, metadata] = [await openBlobStore(settings.storage.blobs), await openMetadata(settings)];
  const registry = createRegistry({ driver, metadata, now: Date.now, acceptMissing: true });
  try {
    const exports = openArchiveExports({ registry, metadata, upstreams: () => Object.keys(settings.mirror.upstreams) });
    const archive = await exports.describe(names, { platform, host });
    await writeArchive(invocation, exports, archive, file);
    const images = archive.images.map(({ repository, reference, digest }) => {
      return { repository, tag: reference.tag ?? null, digest };
    });
    const text = `wrote ${file}: ${inUnits(archive.sizeBytes)}, ${images.length === 1 ? '1 image' : `${images.length} images`}`;
    printValue(invocation, text, { file, sizeBytes: archive.sizeBytes, images });
  } catch (error) {
    throw toCommandError(error);
  } finally {
    await metadata.close();
    await driver.close();
  }
}

function readPlatformOption(option: unknown): Platform | undefined {
  if (typeof option !== 'string') return undefined;
  const platform = parsePlatform(option);
  if (!platform) throw new UsageError(`${option} is not a platform, such as linux/amd64 or linux/arm64/v8`);
  return platform;
}
