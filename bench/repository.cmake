# Included by bench/CMakeLists.txt.
find_package(benchmark REQUIRED)
add_executable(salvor_bench_repository ${CMAKE_CURRENT_LIST_DIR}/repository_bench.cpp)
target_link_libraries(salvor_bench_repository PRIVATE salvor_core benchmark::benchmark)
