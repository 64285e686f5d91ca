/*
 * What files cost a program: libc_file_speed, started with a tree of files, measures and reports.
 */
#include "test.h"
#include "tree.h"

int main(const void *found)
{
    test_begin(found);
    tree_start();
    int64_t status = tree_run("libc_file_speed", (struct spawn_handle){0});
    tree_end();
    return (int)status;
}
