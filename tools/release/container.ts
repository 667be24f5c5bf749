/** The container file of a release: the executable on a small Debian, as a user of its own. */
export function containerFile(version: string): string {
  return `# podman build --tag monitor:${version} .
# podman run --name monitor --publish 8888:8888 --volume monitor:/var/lib/monitor monitor:${version}
# podman exec monitor monitor token create --role admin --label me --data /var/lib/monitor
FROM docker.io/library/debian:trixie-slim

# the platform that is built for: x86_64 or aarch64
ARG ARCH=x86_64
COPY --chmod=755 monitor-${version}-\${ARCH}-unknown-linux-gnu /usr/bin/monitor

RUN useradd --system --uid 10001 --home-dir /var/lib/monitor --create-home monitor \\
  && chmod 700 /var/lib/monitor
USER monitor
WORKDIR /var/lib/monitor
VOLUME /var/lib/monitor
EXPOSE 8888
# other machines reach it: who asks shows a token
ENV MONITOR_ACCESS_MODE=required

# the server stops its PostgreSQL in order: give it time (podman stop --time 60)
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["monitor", "health", \
  "--data", "/var/lib/monitor"]
ENTRYPOINT ["monitor"]
CMD ["serve", "--host", "0.0.0.0", "--data", "/var/lib/monitor"]
`;
}
