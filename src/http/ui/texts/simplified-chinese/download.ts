import type { download as english } from '../english/download.ts';

export const download: typeof english = {
  download: {
    download: '下载',
    help: '可用于 docker load、podman load 和 ctr images import 的文件。',
    allPlatforms: '所有平台',
    notCached: '该镜像尚未存储在本服务器',
    notCachedHelp: '它来自其他仓库，而文件只能由已存储的内容生成。请先获取，再下载。',
    fetch: '获取',
  },
};
