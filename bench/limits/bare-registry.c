// The least that a registry must do for a push and a pull, as a loop in C: receive, SHA-256, write, fdatasync, rename;
// open, sendfile. It checks nothing and understands only the requests of bench/client.ts. One thread per connection.
//
//   bare-registry PORT DIRECTORY
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

// From OpenSSL 3's <openssl/evp.h>: a machine has the library more often than its headers.
typedef struct evp_md_ctx_st EVP_MD_CTX;
typedef struct evp_md_st EVP_MD;
EVP_MD_CTX *EVP_MD_CTX_new(void);
void EVP_MD_CTX_free(EVP_MD_CTX *);
const EVP_MD *EVP_sha256(void);
int EVP_DigestInit_ex(EVP_MD_CTX *, const EVP_MD *, void *);
int EVP_DigestUpdate(EVP_MD_CTX *, const void *, size_t);
int EVP_DigestFinal_ex(EVP_MD_CTX *, unsigned char *, unsigned int *);

enum { HEAD_BYTES = 16 * 1024, PIECE_BYTES = 1024 * 1024 };

struct connection {
  int fd;
  char head[HEAD_BYTES + 1];
  size_t filled;
};

static void send_all(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes += sent;
    length -= sent;
  }
}

static void answer(int fd, const char *status, const char *headers) {
  char text[1024];
  send_all(fd, text, snprintf(text, sizeof text, "HTTP/1.1 %s\r\n%sContent-Length: 0\r\n\r\n", status, headers));
}

// Copies the last part of a path, without its query: the name of the file.
static void file_of(const char *path, char *name, size_t size) {
  const char *last = strrchr(path, '/');
  size_t length = strcspn(last + 1, "?");
  if (length >= size) length = size - 1;
  memcpy(name, last + 1, length);
  name[length] = 0;
}

static void send_file(int fd, const char *path, int has_body) {
  char name[512], head[512];
  struct stat stats;
  file_of(path, name, sizeof name);
  int file = open(name, O_RDONLY | O_CLOEXEC);
  if (file < 0 || fstat(file, &stats) < 0) {
    answer(fd, "404 Not Found", "");
    if (file >= 0) close(file);
    return;
  }
  int length = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %lld\r\n\r\n",
                        (long long)stats.st_size);
  int more = has_body ? MSG_MORE : 0;
  if (send(fd, head, length, MSG_NOSIGNAL | more) == length && has_body) {
    off_t at = 0;
    while (at < stats.st_size && sendfile(fd, file, &at, stats.st_size - at) > 0) {}
  }
  close(file);
}

// Receives `left` bytes into a file under their digest, and under the reference of a manifest. The body of a blob comes in
// one request.
static void receive(struct connection *c, const char *path, long long left, size_t head_length) {
  char temporary[64], name[512];
  unsigned char digest[32];
  snprintf(temporary, sizeof temporary, "upload-%d", c->fd);
  int file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  EVP_MD_CTX *hash = EVP_MD_CTX_new();
  EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
  size_t early = c->filled - head_length;
  if ((long long)early > left) early = left;
  EVP_DigestUpdate(hash, c->head + head_length, early);
  if (write(file, c->head + head_length, early) < 0) perror("write");
  left -= early;
  memmove(c->head, c->head + head_length + early, c->filled - head_length - early);
  c->filled -= head_length + early;
  char *piece = malloc(PIECE_BYTES);
  while (left > 0) {
    ssize_t count = recv(c->fd, piece, left < PIECE_BYTES ? left : PIECE_BYTES, MSG_WAITALL);
    if (count <= 0) break;
    EVP_DigestUpdate(hash, piece, count);
    if (write(file, piece, count) != count) perror("write");
    left -= count;
  }
  free(piece);
  EVP_DigestFinal_ex(hash, digest, NULL);
  EVP_MD_CTX_free(hash);
  fdatasync(file);
  close(file);
  strcpy(name, "sha256:");
  for (int i = 0; i < 32; i++) sprintf(name + 7 + 2 * i, "%02x", digest[i]);
  rename(temporary, name);
  if (strstr(path, "/manifests/")) {
    char reference[512];
    file_of(path, reference, sizeof reference);
    if (link(name, reference) < 0) unlink(reference);
  }
}

// Serves one request whose head is complete; returns 0 when the connection shall end.
static int serve(struct connection *c, size_t head_length) {
  char method[16], path[4096];
  c->head[head_length - 1] = 0;
  if (sscanf(c->head, "%15s %4095s", method, path) != 2 || path[0] != '/') return 0;
  char *field = strcasestr(c->head, "\r\ncontent-length:");
  long long length = field ? atoll(field + 17) : 0;
  int keeps = !strcasestr(c->head, "\r\nconnection: close");
  if (!strcmp(method, "GET") || !strcmp(method, "HEAD")) {
    c->filled -= head_length;
    memmove(c->head, c->head + head_length, c->filled);
    if (!strcmp(path, "/v2/")) answer(c->fd, "200 OK", "");
    else send_file(c->fd, path, method[0] == 'G');
    return keeps;
  }
  if (length > 0) receive(c, path, length, head_length);
  else {
    c->filled -= head_length;
    memmove(c->head, c->head + head_length, c->filled);
  }
  int is_upload = strstr(path, "/blobs/uploads/") && strcmp(method, "PUT");
  answer(c->fd, is_upload ? "202 Accepted" : "201 Created", is_upload ? "Location: /v2/bench/blobs/uploads/1\r\nRange: 0-0\r\n" : "");
  return keeps;
}

static void *serve_connection(void *argument) {
  struct connection *c = argument;
  for (;;) {
    c->head[c->filled] = 0;
    char *end = strstr(c->head, "\r\n\r\n");
    if (end) {
      if (!serve(c, end + 4 - c->head)) break;
      continue;
    }
    ssize_t count = recv(c->fd, c->head + c->filled, HEAD_BYTES - c->filled, 0);
    if (count <= 0) break;
    c->filled += count;
  }
  close(c->fd);
  free(c);
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 3 || chdir(argv[2]) < 0) return 2;
  signal(SIGPIPE, SIG_IGN);
  int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 512) < 0) return 1;
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) continue;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct connection *c = calloc(1, sizeof *c);
    c->fd = fd;
    pthread_t thread;
    if (pthread_create(&thread, NULL, serve_connection, c) != 0) close(fd);
    else pthread_detach(thread);
  }
}
