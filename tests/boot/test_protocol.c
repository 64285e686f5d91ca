#include "service.h"
int main(const void *found)
{
    test_begin(found);
    return test_end();
}
