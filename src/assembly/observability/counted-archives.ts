import type { ArchiveImports } from '../../archives/in/imports.ts';
import type { ArchiveExports } from '../../archives/out/exports.ts';
import type { ArchiveMetrics } from '../../observability/archives/archive-metrics.ts';
import { OciError } from '../../oci/errors.ts';

/** Counts uploads of archives by their result, their bytes, and the tags that are stored. */
export function countImports(imports: ArchiveImports, metrics: ArchiveMetrics): ArchiveImports {
  return {
    ...imports,
    async receive(source, sender, options) {
      try {
        const archive = await imports.receive(counted(source, metrics.importedBytes), sender, options);
        metrics.imported('received');
        return archive;
      } catch (error) {
        metrics.imported(isRefusal(error) ? 'refused' : 'failed');
        throw error;
      }
    },
    async commit(request) {
      const committed = await imports.commit(request);
      metrics.committed(committed.length);
      return committed;
    },
  };
}

/** Counts archives that clients ask for, and the bytes of stored content in them. */
export function countExports(exports: ArchiveExports, metrics: ArchiveMetrics): ArchiveExports {
  return {
    async describe(names, options) {
      try {
        const archive = await exports.describe(names, options);
        metrics.exported('begun');
        return archive;
      } catch (error) {
        if (isRefusal(error)) metrics.exported('refused');
        throw error;
      }
    },
    open(part) {
      metrics.exportedBytes(part.range.last - part.range.first + 1);
      return exports.open(part);
    },
  };
}

function isRefusal(error: unknown): boolean {
  return error instanceof OciError && error.status < 500;
}

async function* counted(source: AsyncIterable<Uint8Array>, add: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    add(chunk.length);
    yield chunk;
  }
}
