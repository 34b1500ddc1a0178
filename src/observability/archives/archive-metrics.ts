import { Counter, type Registry } from '../prometheus/client.ts';

/** Metrics of images as files. */
export interface ArchiveMetrics {
  /** An upload has ended. `refused`: the archive or the client is at fault; `failed`: another reason, also a lost connection. */
  imported(result: 'received' | 'refused' | 'failed'): void;
  importedBytes(bytes: number): void;
  /** Images of an archive were stored under so many tags. */
  committed(tags: number): void;
  /** A client asked for an archive. `refused`: some image does not exist or is not stored here. */
  exported(result: 'begun' | 'refused'): void;
  exportedBytes(bytes: number): void;
}

export function createArchiveMetrics(registry: Registry): ArchiveMetrics {
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Counter({ name: `berth_archive_${name}`, help, labelNames, registers: [registry] });
  const imports = counter('imports_total', 'uploads of archives of images that have ended', ['result']);
  const importedBytes = counter('import_bytes_total', 'bytes of archives that clients sent');
  const tags = counter('tags_total', 'tags that were stored from archives');
  const exports = counter('exports_total', 'archives of images that clients asked for', ['result']);
  const exportedBytes = counter('export_bytes_total', 'bytes of stored content in archives that were sent');
  return {
    imported: (result) => imports.inc({ result }),
    importedBytes: (bytes) => importedBytes.inc(bytes),
    committed: (count) => tags.inc(count),
    exported: (result) => exports.inc({ result }),
    exportedBytes: (bytes) => exportedBytes.inc(bytes),
  };
}
