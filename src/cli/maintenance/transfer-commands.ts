import type { Command } from '../program/command.ts';

/** `berth migrate` */
export const migrate: Command = {
  name: 'migrate',
  summary: 'move an installation to S3 and PostgreSQL',
  options: [
    ['--to <FILE>', 'configuration of the target; TO_BERTH_… variables override it, such as TO_BERTH_STORAGE_METADATA_URL'],
    ['--undo', 'accept changes in the source installation again'],
  ],
  load: async () => (await import('./migrate.ts')).migrate,
};

/** `berth export` */
export const exportCommand: Command = {
  name: 'export',
  summary: 'write images into a file, or the links of registry:2',
  arguments: [['[REF...]', 'images, such as team/app:1.0 or team/app@sha256:…']],
  options: [
    [
      '-o, --output <FILE>',
      'tar file for the images: an OCI layout that docker load reads, too; an interrupted run is continued',
    ],
    ['--platform <PLATFORM>', 'export this image of an index, such as linux/arm64; default: all'],
    ['--host <HOST>', 'host in front of the names in the file; default: none'],
    ['--layout <NAME>', 'distribution: without images; writes links with which registry:2 can be started on the store'],
    ['--prune', 'with --layout: delete links to content that berth does not have'],
    ['--dry-run', 'with --layout: compare only'],
  ],
  printsData: true,
  load: async () => (await import('./export.ts')).exportContent,
};

/** `berth import` */
export const importCommand: Command = {
  name: 'import',
  summary: 'store images from files that docker save and others write',
  arguments: [['FILE...', 'archives: docker save, OCI layout; plain, gzip or zstd. /dev/stdin reads a pipe']],
  options: [
    ['--to <NAME>', 'repository, or image such as team/app:1.0 for one image; default: the names in the file, without host'],
    ['--compress <KIND>', 'gzip, zstd or none: store uncompressed layers so; default: as manifests list them, else gzip'],
  ],
  printsData: true,
  load: async () => (await import('./archives/import-images.ts')).importImages,
};
