import {
  choice,
  duration,
  entries,
  flag,
  list,
  optional,
  patterns,
  secret,
  size,
  text,
  url,
  wholeNumber,
  words,
} from './keys.ts';

/** Keys of registries that berth uses, and of copies between them. */

/** The login of berth at an upstream. */
export const login = {
  username: optional(text('', 'user name at the upstream')),
  password: secret('password of username'),
  passwordFile: optional(text('', 'file with the password, read again for each use')),
  credentialCommand: optional(text('', 'program that prints the login, such as docker-credential-ecr-login get')),
};

export const registries = entries(
  {},
  'registries that sync copies from and to, by host name, beside mirror.upstreams; they are not mirrored',
  {
    url: url('URL of the registry'),
    ...login,
    logins: entries({}, 'other logins for some of its repositories, by pattern', login),
    listing: choice(
      ['catalog', 'dockerhub', 'ghcr', 'ghcr-user', 'gitlab', 'harbor', 'quay'],
      'API that lists its repositories; catalog: /v2/_catalog',
    ),
    listingUrl: optional(url('URL of that API; default: that of the service, or of the registry')),
    uploadPart: size('32MiB', 'largest part of a blob that is pushed in one request; 0B: whole blobs'),
    bandwidth: optional(size('', 'largest number of bytes a second for all blobs of a process; default: no limit')),
    connections: wholeNumber(16, 1, 10_000, 'largest number of concurrent transfers of blobs with one of its hosts'),
    ca: optional(text('', 'file with the certificates (PEM) of its authorities, in addition to those of the system')),
    redirects: words('host names', 'hosts with private addresses that its redirects may lead to'),
  },
);

export const sync = list('what is copied between this registry and others (docs/sync.md)', {
  name: text('', 'name of the entry, for commands and logs'),
  from: text('', 'repositories to copy, such as ghcr.io/acme/** or team/**: a registry in front, or a local name'),
  to: text('', 'their names at the target, with the same wildcard; one of from and to begins with a registry'),
  tags: patterns('patterns', 'tags to copy, such as semver(*) or main; with ! in front: exclusions; default: all'),
  newest: optional(wholeNumber(1, 1, 1_000_000, 'copy only so many tags of a repository, the newest versions; default: all')),
  platforms: words('platforms', 'platforms to copy of an index, such as linux/amd64; default: all'),
  referrers: flag(true, 'copy signatures, SBOMs and attestations, too'),
  deletions: choice(['none', 'trash'], 'trash: tags that the source has deleted go to the trash, too'),
  at: optional(text('', 'time of day of the daily run, such as 03:00')),
  every: optional(duration('1h', 'interval of the runs; default: 1h, or none with at')),
  timezone: text('UTC', 'time zone of at'),
  bandwidth: optional(size('', 'largest number of bytes a second for all blobs of the entry; default: no limit')),
  repositories: optional(
    text('', 'file with the names of the repositories at the source, one on each line; default: its listing'),
  ),
});
