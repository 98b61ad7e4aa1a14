/*
 * symbols.c - addresses to names, by the symbol table of the ELF file.
 *
 * dladdr() says which file an address belongs to and knows the exported
 * names; static functions stand in the file's .symtab unless it was stripped.
 * The file is on disk and may have changed or be damaged: every offset is
 * checked against its size.
 */
#include "exec/symbols.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
    const unsigned char *bytes;
    size_t len;
};

static const void *part(const struct file *file, uint64_t offset, uint64_t len)
{
    if (offset > file->len || len > file->len - offset || offset % 4 != 0)
        return NULL;
    return file->bytes + offset;
}

/* Table number `i` of the file. */
static const ElfW(Shdr) *
        section(const struct file *file, const ElfW(Ehdr) * head, size_t i)
{
    if (i >= head->e_shnum || head->e_shentsize != sizeof(ElfW(Shdr)))
        return NULL;
    return part(file, head->e_shoff + i * sizeof(ElfW(Shdr)),
            sizeof(ElfW(Shdr)));
}

static bool put_name(const struct file *file, const ElfW(Shdr) * names,
        uint64_t offset, struct crq_buf *buf)
{
    const char *text;
    size_t len;

    if (names->sh_offset > file->len ||
            names->sh_size > file->len - names->sh_offset ||
            offset >= names->sh_size)
        return false;
    text = (const char *)file->bytes + names->sh_offset + offset;
    len = strnlen(text, names->sh_size - offset);
    if (len == 0 || len > 200)
        return false;
    crq_buf_put(buf, text, len);
    return true;
}

static bool search(const struct file *file, const ElfW(Ehdr) * head,
        const ElfW(Shdr) * table, uint64_t address, struct crq_buf *buf)
{
    const ElfW(Shdr) *names = section(file, head, table->sh_link);
    const ElfW(Sym) *symbols = part(file, table->sh_offset, table->sh_size);
    size_t i;

    if (names == NULL || symbols == NULL)
        return false;
    for (i = 0; i < table->sh_size / sizeof(*symbols); i++) {
        if (ELF64_ST_TYPE(symbols[i].st_info) != STT_FUNC ||
                address < symbols[i].st_value ||
                address - symbols[i].st_value >= symbols[i].st_size)
            continue;
        if (!put_name(file, names, symbols[i].st_name, buf))
            return false;
        crq_buf_printf(buf, "+0x%llx",
                (unsigned long long)(address - symbols[i].st_value));
        return true;
    }
    return false;
}

static bool put_from_file(const char *path, uint64_t address, uint64_t base,
        struct crq_buf *buf)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct file file = { NULL, 0 };
    const ElfW(Shdr) * table;
    const ElfW(Ehdr) * head;
    struct stat st;
    bool found = false;
    void *map;
    size_t i;

    if (fd < 0)
        return false;
    map = fstat(fd, &st) == 0 && st.st_size > 0
            ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
            : MAP_FAILED;
    close(fd);
    if (map == MAP_FAILED)
        return false;
    file.bytes = map;
    file.len = (size_t)st.st_size;
    head = part(&file, 0, sizeof(*head));
    if (head != NULL && memcmp(head->e_ident, ELFMAG, SELFMAG) == 0) {
        /* A program that is not position independent has its addresses in
         * the file as they are. */
        if (head->e_type == ET_DYN)
            address -= base;
        for (i = 0; !found && i < head->e_shnum; i++) {
            table = section(&file, head, i);
            if (table != NULL && table->sh_type == SHT_SYMTAB)
                found = search(&file, head, table, address, buf);
        }
    }
    munmap(map, file.len);
    return found;
}

void crq_symbol_put(uint64_t address, bool is_return, struct crq_buf *buf)
{
    uint64_t look_up = address - (is_return && address > 0 ? 1 : 0), base;
    const char *name, *path;
    struct link_map *map;
    Dl_info info;

    if (dladdr1((const void *)(uintptr_t)look_up, &info, (void **)&map,
                RTLD_DL_LINKMAP) == 0 ||
            info.dli_fname == NULL) {
        crq_buf_printf(buf, "0x%llx", (unsigned long long)address);
        return;
    }
    base = (uint64_t)(uintptr_t)info.dli_fbase;
    name = strrchr(info.dli_fname, '/');
    name = name == NULL ? info.dli_fname : name + 1;
    /* The program itself is known by argv[0], which need not be a path. */
    path = map->l_name[0] == '\0' ? "/proc/self/exe" : info.dli_fname;
    if (put_from_file(path, look_up, base, buf)) {
        crq_buf_printf(buf, " (%s)", name);
    } else if (info.dli_sname != NULL) {
        crq_buf_printf(buf, "%s+0x%llx (%s)", info.dli_sname,
                (unsigned long long)(look_up -
                        (uint64_t)(uintptr_t)info.dli_saddr),
                name);
    } else {
        crq_buf_printf(buf, "%s+0x%llx", name,
                (unsigned long long)(address - base));
    }
}
