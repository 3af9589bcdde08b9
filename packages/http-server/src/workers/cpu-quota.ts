import { readFileSync } from 'node:fs';
import path from 'node:path';

/** A hierarchy of control groups: where it is mounted, and which of its groups that is. */
interface Mount {
  readonly point: string;
  readonly group: string;
  readonly version: 1 | 2;
}

/**
 * Processors' worth of time that its control group, or one above it, leaves this process: what `docker run --cpus`, a Kubernetes limit and
 * `CPUQuota=` of systemd set. Infinity where nothing does. (`os.availableParallelism()` knows of it from Node 22 on only.)
 *
 * cgroups(7): a group is the path in /proc/self/cgroup, below what is mounted; in a container that may be the group itself.
 *
 * @param root tests have a tree of their own
 */
export function cpuQuota(root = '/'): number {
  const read = (file: string): string => {
    try {
      return readFileSync(path.join(root, file), 'utf8');
    } catch {
      return ''; // no such controller, no such group, no /proc
    }
  };
  const groups = groupsOf(read('/proc/self/cgroup'));
  let least = Number.POSITIVE_INFINITY;
  for (const { point, group, version } of mountsOf(read('/proc/self/mountinfo'))) {
    const own = groups[version];
    if (own === undefined) continue;
    const below = path.relative(group, own);
    // A group that is not below what is mounted is seen from inside of a container: what is mounted is the group.
    let folder = below.startsWith('..') ? point : path.join(point, below);
    for (; folder.startsWith(point); folder = path.dirname(folder)) {
      least = Math.min(least, version === 2 ? quotaOf2(read, folder) : quotaOf1(read, folder));
      if (folder === point) break;
    }
  }
  return least;
}

/** How many workers that are busy all the time get what they need: more of them would wait for each other when the quota is spent. */
export function withinQuota(processors: number, quota: number = cpuQuota()): number {
  return Math.max(1, Math.min(processors, Math.floor(quota)));
}

/** Lines of "hierarchy:controllers:group"; version 2 has the hierarchy 0. */
function groupsOf(text: string): { 1?: string; 2?: string } {
  const groups: { 1?: string; 2?: string } = {};
  for (const line of text.split('\n')) {
    const [, hierarchy, controllers, group] = /^(\d+):([^:]*):(.+)$/.exec(line) ?? [];
    if (group === undefined) continue;
    if (hierarchy === '0') groups[2] = group;
    else if (controllers!.split(',').includes('cpu')) groups[1] = group;
  }
  return groups;
}

/** Lines of proc_pid_mountinfo(5): "id parent device root point options fields - type source superOptions". */
function mountsOf(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split('\n')) {
    const [left, right] = line.split(' - ');
    const [group, point] = left!.split(' ').slice(3, 5).map(unescaped);
    if (right === undefined || group === undefined || point === undefined) continue;
    const [type, , options = ''] = right.split(' ');
    if (type === 'cgroup2') mounts.push({ point, group, version: 2 });
    else if (type === 'cgroup' && options.split(',').includes('cpu'))
      mounts.push({ point, group, version: 1 });
  }
  return mounts;
}

/** Spaces and the like are octal. */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** "max 100000" or "150000 100000", microseconds. */
function quotaOf2(read: (file: string) => string, folder: string): number {
  const [quota, period] = read(path.join(folder, 'cpu.max')).split(/\s+/);
  return fraction(quota, period);
}

/** -1 is none. */
function quotaOf1(read: (file: string) => string, folder: string): number {
  return fraction(
    read(path.join(folder, 'cpu.cfs_quota_us')),
    read(path.join(folder, 'cpu.cfs_period_us')),
  );
}

function fraction(quota = '', period = ''): number {
  const [time, of] = [Number.parseInt(quota, 10), Number.parseInt(period, 10)];
  return time > 0 && of > 0 ? time / of : Number.POSITIVE_INFINITY;
}
