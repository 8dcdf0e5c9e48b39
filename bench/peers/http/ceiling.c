/* The most that a single thread can do with these sockets: an epoll loop that hardly looks at what it reads, with a fixed answer for GET and
 * the body as it came for POST. No server that understands its requests is faster. Prints its address. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM 16384
#define EVENTS 256

static const char HELLO[] = "HTTP/1.1 200 OK\r\ncontent-type: text/plain;charset=UTF-8\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                            "content-length: 13\r\n\r\nHello, world!";

/* Requests come whole from the programs that measure: one read is one request. */
static void answer(int fd) {
  char in[ROOM], out[ROOM];
  ssize_t got = read(fd, in, sizeof in - 1);
  if (got <= 0) {
    close(fd);
    return;
  }
  in[got] = 0;
  if (in[0] != 'P') {
    if (write(fd, HELLO, sizeof HELLO - 1) < 0) close(fd);
    return;
  }
  char *body = strstr(in, "\r\n\r\n");
  if (!body) return;
  body += 4;
  size_t len = (size_t)(in + got - body);
  int head = snprintf(out, 256, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                                "content-length: %zu\r\n\r\n", len);
  if (len > sizeof out - (size_t)head) len = sizeof out - (size_t)head;
  memcpy(out + head, body, len);
  if (write(fd, out, (size_t)head + len) < 0) close(fd);
}

int main(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof address;
  int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), poll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listening}, events[EVENTS];
  if (listening < 0 || poll < 0 || bind(listening, (struct sockaddr *)&address, len) || listen(listening, 1024) ||
      getsockname(listening, (struct sockaddr *)&address, &len) || epoll_ctl(poll, EPOLL_CTL_ADD, listening, &event)) {
    perror("ceiling");
    return 1;
  }
  printf("127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    int count = epoll_wait(poll, events, EVENTS, -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.fd != listening) {
        answer(events[i].data.fd);
        continue;
      }
      int fd, on = 1;
      while ((fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event connection = {.events = EPOLLIN | EPOLLET, .data.fd = fd};
        epoll_ctl(poll, EPOLL_CTL_ADD, fd, &connection);
      }
    }
  }
}
