import { Gauge, type Registry } from './prometheus/client.ts';

/** What the stores hold, as it was counted last. */
export interface StoredAmounts {
  readonly repositories: number;
  /** Blobs and manifests. */
  readonly contents: number;
  readonly bytes: number;
  readonly openUploads: number;
  readonly uploadBytes: number;
}

/** Space of the file system of the data, in bytes. */
export interface DiskSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

export interface StorageSources {
  /** Undefined before the first count. */
  readonly amounts: () => Promise<StoredAmounts | undefined>;
  /** Undefined for a bucket. */
  readonly disk: () => Promise<DiskSpace | undefined>;
}

/** Registers gauges that read the sources at each scrape. They have no value while a source rejects or has none. */
export function watchStorage(registry: Registry, { amounts, disk }: StorageSources): void {
  const gauge = <Source>(
    name: string,
    help: string,
    read: () => Promise<Source | undefined>,
    valueOf: (source: Source) => number,
  ) =>
    new Gauge({
      name: `berth_${name}`,
      help,
      registers: [registry],
      async collect() {
        const source = await read().catch(() => undefined);
        if (source === undefined) this.remove();
        else this.set(valueOf(source));
      },
    });
  gauge('disk_free_bytes', 'free space of the file system of the blobs', disk, ({ freeBytes }) => freeBytes);
  gauge('disk_size_bytes', 'size of the file system of the blobs', disk, ({ totalBytes }) => totalBytes);
  gauge('repositories', 'repositories, as counted last', amounts, ({ repositories }) => repositories);
  gauge('stored_contents', 'blobs and manifests, each once, as counted last', amounts, ({ contents }) => contents);
  gauge('stored_bytes', 'bytes of blobs and manifests, each once, as counted last', amounts, ({ bytes }) => bytes);
  gauge('open_uploads', 'unfinished uploads, as counted last', amounts, ({ openUploads }) => openUploads);
  gauge('open_upload_bytes', 'bytes of unfinished uploads, as counted last', amounts, ({ uploadBytes }) => uploadBytes);
}
