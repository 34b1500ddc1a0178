import type { jobs as english } from '../english/jobs.ts';

export const jobs: typeof english = {
  jobs: {
    title: '任务',
    caption: '任务，最新的在前',
    none: '最近几小时没有任务。上传、下载镜像以及列出镜像文件的任务会显示在这里。',
    job: '任务',
    kind: '类型',
    state: '状态',
    progress: '进度',
    started: '开始时间',
    ended: '结束时间',
    kinds: { upload: '上传', fetch: '获取镜像', index: '镜像索引', backup: '备份', sync: '仓库间复制', verification: '校验' },
    states: { running: '进行中', done: '已完成', failed: '失败', cancelled: '已取消', lost: '已中断' },
    units: {
      bytes: (size) => size,
      layers: (count) => `${count} 层`,
      tags: (count) => `${count} 个标签`,
      contents: (count) => `${count} 项内容`,
    },
    of: (done, total) => `${done} / ${total}`,
    cancel: '取消',
    cancelling: '正在取消该任务。',
    refresh: '刷新',
    result: '查看结果',
    lostHelp: '运行该任务的服务器已停止，请重新开始。',
    seeLog: '原因见服务器日志。',
    gone: '该任务不存在。任务记录只保留一段时间。',
    all: '您的任务',
  },
};
