import { openMetadata } from '../../assembly/metadata-store.ts';
import { openBlobStore } from '../../assembly/blob-store.ts';
import { parseImageName } from '../../mirror/images/image-name.ts';
import { type Platforms, notPlatforms, readPlatforms } from '../../mirror/images/platforms.ts';
import { preheat } from '../../mirror/images/preheat.ts';
import { reasonOf } from '../../upstream/upstream-error.ts';
import { createLog } from '../../observability/log.ts';
import { createMetrics } from '../../observability/metrics.ts';
import { createManifests } from '../../registry/manifests.ts';
import { openMirror } from '../../assembly/upstreams.ts';
import { CommandError, type Invocation, UsageError } from '../program/command.ts';
import { createProgress, inUnits } from '../program/progress.ts';

/** `berth preheat`: fetches images into the mirror, also beside a running server. */
export async function preheatImages(invocation: Invocation): Promise<void> {
  const { operands, options, config } = invocation;
  const platforms = toPlatforms(options['platform']);
  const images = operands.map((text) => ({ text, name: parseImageName(text) ?? notAnImage(text) }));
  const settings = config();
  const [driver, metadata] = [await openBlobStore(settings.storage.blobs), await openMetadata(settings)];
  const { log } = createLog({ level: 'silent', format: 'json' });
  const mirror = await openMirror(settings, driver, metadata, Date.now, log, { metrics: createMetrics().mirror });
  const manifests = createManifests({ driver, metadata, now: Date.now, acceptMissing: true });
  try {
    const failed: string[] = [];
    for (const { text, name } of images) {
      const bar = createProgress(text, invocation);
      const show = (doneBytes: number, totalBytes: number) =>
        bar.show(totalBytes === 0 ? 1 : doneBytes / totalBytes, `${inUnits(doneBytes)} of ${inUnits(totalBytes)}`);
      try {
        await preheat(name, { mirror, manifestBytes: manifests.bytes, platforms, onProgress: show }).finally(bar.end);
      } catch (error) {
        failed.push(text);
        invocation.warn(`${text}: ${reasonOf(error)}`);
      }
    }
    if (failed.length > 0)
      throw new CommandError(`${failed.length} of ${images.length} images could not be fetched: ${failed.join(', ')}`);
  } finally {
    await mirror.close();
    await metadata.close();
    await driver.close();
  }
}

function toPlatforms(option: unknown): Platforms {
  const words = typeof option === 'string' ? option.split(',').map((word) => word.trim()) : [];
  const [wrong] = notPlatforms(words);
  if (wrong !== undefined) throw new UsageError(`${wrong} is not a platform, such as linux/amd64 or linux/arm64/v8`);
  return readPlatforms(words);
}

function notAnImage(text: string): never {
  throw new UsageError(`${text} is not the name of an image, such as alpine:3 or ghcr.io/owner/image@sha256:…`);
}
