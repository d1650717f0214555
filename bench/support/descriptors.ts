/** Descriptors of a process besides its clients' sockets. */
const SPARE_DESCRIPTORS = 300;

/**
 * As many sockets as are wanted, or as the system lets a process open, which is said then. Node raises its soft limit to
 * the hard one by itself; beyond that only the shell can help.
 */
export function allowedSockets(wanted: number): number {
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft: number | string } } };
  const limit = Number(report.userLimits?.open_files?.soft); // NaN: unlimited, or not known here
  const needed = wanted + SPARE_DESCRIPTORS;
  if (limit >= needed || Number.isNaN(limit)) return wanted;
  const allowed = Math.max(1, limit - SPARE_DESCRIPTORS);
  console.error(
    `${allowed} connections, not ${wanted}: a process may open ${limit} files here. For all: ulimit -n ${needed}`,
  );
  return allowed;
}
