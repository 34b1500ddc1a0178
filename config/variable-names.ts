/** Variables that are not keys. */
export const otherVariables = new Set(['BERTH_CONFIG']);

/** Variables that other programs also read. */
export const conventionalVariables: Readonly<Record<string, readonly string[]>> = {
  'mirror.proxy.http': ['HTTP_PROXY', 'http_proxy'],
  'mirror.proxy.https': ['HTTPS_PROXY', 'https_proxy'],
  'mirror.proxy.none': ['NO_PROXY', 'no_proxy'],
  'telemetry.sampler': ['OTEL_TRACES_SAMPLER'],
  'telemetry.samplerRatio': ['OTEL_TRACES_SAMPLER_ARG'],
};

/**
 * Returns the variable of a key: `BERTH_STORAGE_BLOBS_S3_ACCESS_KEY_ID` of `storage.blobs.s3.accessKeyId`; other characters
 * become `_`.
 */
export function variableName(path: string): string {
  return `BERTH_${path
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll(/[^A-Za-z0-9]+/g, '_')
    .toUpperCase()}`;
}

/** Returns a name as it is compared: underscores within the name of a key may be left out. */
export function withoutUnderscores(name: string): string {
  return name.replaceAll('_', '');
}
