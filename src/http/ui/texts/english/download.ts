/** Downloads of images as files. */
export const download = {
  download: {
    download: 'Download',
    help: 'A file for docker load, podman load and ctr images import.',
    allPlatforms: 'All platforms',
    notCached: 'The image is not stored here yet',
    notCachedHelp: 'It belongs to another registry, and a file is made of stored content only. Fetch it, then download it.',
    fetch: 'Fetch',
  },
};
