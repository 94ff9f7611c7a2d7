#include "core/cli/program.h"

#include <iostream>

int main(int count, char** values)
{
    return salvor::cli::runProgram({values + 1, values + count}, std::cout, std::cerr);
}
