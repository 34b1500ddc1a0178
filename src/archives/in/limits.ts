/** What an archive may cost. Fixed limits are beside the code that they protect. */
export interface ArchiveLimits {
  /** Largest number of bytes of the unpacked archive. */
  readonly maxBytes: number;
  readonly maxEntries: number;
}

/** Largest JSON document: a manifest, an index, a config, `manifest.json`. */
export const maxDocumentBytes = 4 * 1024 * 1024;

/** Documents are kept in memory until they are resolved; further ones are staged as blobs. */
export const maxDocumentsBytes = 16 * 1024 * 1024;
